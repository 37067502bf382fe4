"""Why a credential is not taken."""

from __future__ import annotations

from enum import StrEnum


class RejectionReason(StrEnum):
    """Why, in words for the log and metrics; those who ask are told less."""

    MISSING = "missing"
    """There is none."""
    MALFORMED = "malformed"
    """It is no bearer token, there are two, or it is too long."""
    UNKNOWN = "unknown"
    """There is no such key, or nothing of the kind is taken."""
    EXPIRED = "expired"
    """Its time is over."""
    REVOKED = "revoked"
    """The key was revoked."""
    NOT_YET_VALID = "not_yet_valid"
    """It was issued in the future, or is for later."""
    ALGORITHM = "algorithm"
    """The token is signed by an algorithm that is not taken, or not at all."""
    UNKNOWN_KEY = "unknown_key"
    """The issuer has no such key as the token names."""
    SIGNATURE = "signature"
    """The token's signature is not its key's."""
    ISSUER = "issuer"
    """The token is another issuer's."""
    AUDIENCE = "audience"
    """The token is for another audience."""
    CLAIMS = "claims"
    """The token lacks what it must say, or says it wrongly."""
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    """The issuer's keys could not be fetched, so nothing is known."""
    KEYS_UNAVAILABLE = "keys_unavailable"
    """The file of keys has been unreadable for too long, so nothing is known."""


class CredentialRejected(Exception):
    """A credential is not taken; the text of this exception tells nothing of the credential.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(reason.value)
        self.reason = reason

"""Reasons for rejecting a credential."""

from __future__ import annotations

from enum import StrEnum


class RejectionReason(StrEnum):
    """The reason of a rejection, for the log and metrics; responses are less specific."""

    MISSING = "missing"
    """The request has no credential."""
    MALFORMED = "malformed"
    """The credential is not a bearer token, is given twice, or is too long.

    A JWT whose header cannot be read or is not supported is malformed, too.
    """
    UNKNOWN = "unknown"
    """The key is unknown, or credentials of this kind are not accepted."""
    EXPIRED = "expired"
    """The key or token has expired."""
    REVOKED = "revoked"
    """The key was revoked."""
    NOT_YET_VALID = "not_yet_valid"
    """The token's `nbf` or `iat` is in the future."""
    ALGORITHM = "algorithm"
    """The token is unsigned, or its algorithm is not accepted."""
    UNKNOWN_KEY = "unknown_key"
    """The issuer does not have the key that the token names."""
    SIGNATURE = "signature"
    """The token's signature is invalid."""
    ISSUER = "issuer"
    """The token has another issuer."""
    AUDIENCE = "audience"
    """The token is for another audience."""
    CLAIMS = "claims"
    """The token lacks a required claim, or a claim is invalid."""
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    """The issuer's keys could not be fetched, so the token cannot be verified."""
    API_KEYS_UNAVAILABLE = "api_keys_unavailable"
    """The file of keys has been unreadable for too long, so all keys are rejected."""


class CredentialRejected(Exception):
    """A credential was rejected; the message never quotes it.

    Attributes:
        reason: the reason of the rejection.
    """

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(reason.value)
        self.reason = reason

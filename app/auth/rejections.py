"""Reasons for rejecting a credential."""

from __future__ import annotations

from enum import StrEnum


class RejectionReason(StrEnum):
    """The reason for a rejection, as logged and counted; responses are less specific."""

    MISSING = "missing"
    """The request has no credential."""
    MALFORMED = "malformed"
    """`Authorization` is repeated, too long or not a bearer token, or a JWT's header is invalid.

    A JWT whose header uses an unsupported feature, such as `crit`, counts as malformed, too.
    """
    UNKNOWN = "unknown"
    """The key is unknown, or the server does not accept credentials of this kind."""
    EXPIRED = "expired"
    """The key or token has expired."""
    REVOKED = "revoked"
    """The key was revoked."""
    NOT_YET_VALID = "not_yet_valid"
    """The token's `nbf` or `iat` is in the future."""
    ALGORITHM = "algorithm"
    """The token is unsigned, or its algorithm is not accepted."""
    UNKNOWN_KEY = "unknown_key"
    """The token names a key that the issuer's key set lacks."""
    SIGNATURE = "signature"
    """The token's signature is invalid."""
    ISSUER = "issuer"
    """The token's `iss` names another issuer."""
    AUDIENCE = "audience"
    """The token is for another audience."""
    CLAIMS = "claims"
    """The token lacks a required claim, or a claim is invalid."""
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    """The issuer's keys could not be fetched, so the token cannot be verified."""
    API_KEYS_UNAVAILABLE = "api_keys_unavailable"
    """The key file has been unreadable for too long, so all keys are rejected."""


class CredentialRejected(Exception):
    """A credential was rejected; the message is the reason and never quotes the credential.

    Attributes:
        reason: the reason for the rejection.
    """

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(reason.value)
        self.reason = reason

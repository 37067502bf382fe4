"""Authentication: identifies the caller before routing and rejects unauthenticated requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import (
    API_KEYS_UNAVAILABLE,
    ISSUER_UNAVAILABLE,
    UNAUTHENTICATED,
    ProblemError,
)
from app.api.request_state import credential_of, request_state
from app.api.security import REALM
from app.auth.authenticator import Authenticator
from app.auth.callers import ALL_ACCESS
from app.auth.rejections import CredentialRejected, RejectionReason
from app.middleware.rejection import reject


RETRY_SECONDS: Final = 10
"""`Retry-After` while credentials cannot be verified."""

_DETAILS: Final = {
    RejectionReason.MISSING: "The request has no credential.",
    RejectionReason.MALFORMED: "The request has no well-formed bearer token.",
    RejectionReason.EXPIRED: "The credential has expired.",
    RejectionReason.ISSUER_UNAVAILABLE: "The keys of the token issuer cannot be fetched now.",
    RejectionReason.API_KEYS_UNAVAILABLE: "The server's file of API keys cannot be read now.",
}
"""The problem's detail by reason; the other reasons are not disclosed to clients."""

_UNAVAILABLE: Final = {
    RejectionReason.ISSUER_UNAVAILABLE: ISSUER_UNAVAILABLE,
    RejectionReason.API_KEYS_UNAVAILABLE: API_KEYS_UNAVAILABLE,
}
"""The problem by reason, for credentials that may be valid but cannot be verified now."""


def _problem(reason: RejectionReason) -> ProblemError:
    kind = _UNAVAILABLE.get(reason, UNAUTHENTICATED)
    detail = _DETAILS.get(reason, "The credential was rejected.")
    if kind is not UNAUTHENTICATED:
        return ProblemError(kind, detail, headers={"Retry-After": str(RETRY_SECONDS)})
    challenge = f'Bearer realm="{REALM}"'
    if reason is not RejectionReason.MISSING:  # RFC 6750, 3.1: no error code without a credential
        challenge += ', error="invalid_token"'
    return ProblemError(kind, detail, headers={"WWW-Authenticate": challenge})


_PROBLEMS: Final = {reason: _problem(reason) for reason in RejectionReason}


class AuthenticationMiddleware:
    """Middleware that identifies the caller or rejects the request.

    Public requests need no credential, and theirs are ignored (`app.api.security`). All other
    requests need one, even if no route matches.
    """

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, is_public: Callable[[Scope], bool]
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            authenticator: verifies credentials.
            is_public: returns whether a request needs no credential.
        """
        self._app = app
        self._authenticator = authenticator
        self._is_public = is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        if scope["type"] == "http":
            state = request_state(scope)
            if not self._authenticator.is_required:
                state.caller = ALL_ACCESS
            elif not self._is_public(scope):
                try:
                    state.caller = await self._authenticator.caller_of(credential_of(scope))
                except CredentialRejected as error:
                    state.rejection_reason = error.reason
                    await reject(_PROBLEMS[error.reason], scope, receive, send)
                    return
        await self._app(scope, receive, send)

"""Authentication: identifies the caller before routing and rejects unauthenticated requests.

A rejection is cheap: its response is rendered at startup, except for the path.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import (
    API_KEYS_UNAVAILABLE,
    ISSUER_UNAVAILABLE,
    MEDIA_TYPE,
    UNAUTHENTICATED,
    ProblemError,
    ProblemKind,
    problem_text,
)
from app.api.request_state import credential_of, request_state
from app.api.security import REALM
from app.auth.authenticator import Authenticator
from app.auth.callers import ALL_ACCESS
from app.auth.rejections import CredentialRejected, RejectionReason
from app.telemetry.metrics.registry import Metrics


RETRY_SECONDS: Final = 10
"""`Retry-After` while the issuer's keys or the file of API keys are unavailable."""

_DETAILS: Final = {
    RejectionReason.MISSING: "The request has no credential.",
    RejectionReason.MALFORMED: "The request has no well-formed bearer token.",
    RejectionReason.EXPIRED: "The credential has expired.",
    RejectionReason.ISSUER_UNAVAILABLE: "The keys of the token issuer cannot be fetched now.",
    RejectionReason.API_KEYS_UNAVAILABLE: "The server's file of API keys cannot be read now.",
}
"""Details by reason; all other reasons are not disclosed to clients."""

_UNAVAILABLE: Final = {
    RejectionReason.ISSUER_UNAVAILABLE: ISSUER_UNAVAILABLE,
    RejectionReason.API_KEYS_UNAVAILABLE: API_KEYS_UNAVAILABLE,
}
"""Problems for credentials that may be valid but cannot be verified now."""


class PrebuiltRejection(NamedTuple):
    """The response for one rejection reason, rendered except for the path.

    Attributes:
        kind: the kind of problem.
        prefix: the body before the path.
        suffix: the body after the path.
        headers: the headers without `Content-Length`.
    """

    kind: ProblemKind
    prefix: bytes
    suffix: bytes
    headers: tuple[tuple[bytes, bytes], ...]


class AuthenticationMiddleware:
    """Middleware that identifies the caller or rejects the request.

    Public paths, whose routes require no scope, ignore credentials. All other paths require one,
    even if no route matches.
    """

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, public: re.Pattern[str], metrics: Metrics
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            authenticator: verifies credentials.
            public: matches the paths that need no credential.
            metrics: counts rejections.
        """
        self._app = app
        self._authenticator = authenticator
        self._is_public = public.fullmatch  # `$` also matches before a final newline
        self._metrics = metrics
        self._rejections = {reason: _prebuild(reason) for reason in RejectionReason}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        if scope["type"] == "http":
            state = request_state(scope)
            if not self._authenticator.is_required:
                state.caller = ALL_ACCESS
            elif not self._is_public(scope["path"]):
                try:
                    state.caller = await self._authenticator.caller_of(credential_of(scope))
                except CredentialRejected as error:
                    await self._reject(error.reason, scope, send)
                    return
        await self._app(scope, receive, send)

    async def _reject(self, reason: RejectionReason, scope: Scope, send: Send) -> None:
        rejection = self._rejections[reason]
        request_state(scope).reject(rejection.kind.code, reason)
        self._metrics.credential_rejections.count(reason)
        self._metrics.count_problem(rejection.kind.code)
        body = b"%b%b%b" % (rejection.prefix, quote(scope["path"]).encode(), rejection.suffix)
        headers = [*rejection.headers, (b"content-length", b"%d" % len(body))]
        await send(
            {"type": "http.response.start", "status": rejection.kind.status, "headers": headers}
        )
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})


def _prebuild(reason: RejectionReason) -> PrebuiltRejection:
    challenge = f'Bearer realm="{REALM}"'
    if reason is not RejectionReason.MISSING:  # RFC 6750, 3.1: no error code without a credential
        challenge += ', error="invalid_token"'
    kind = _UNAVAILABLE.get(reason, UNAUTHENTICATED)
    problem = ProblemError(kind, _DETAILS.get(reason, "The credential was rejected."))
    before, instance, after = problem_text(problem, "/").partition(b'"instance":"/"')
    return PrebuiltRejection(
        kind,
        before + instance[:-2],
        instance[-1:] + after,
        (
            (b"content-type", MEDIA_TYPE.encode()),
            (b"cache-control", b"no-store"),
            (b"www-authenticate", challenge.encode())
            if kind is UNAUTHENTICATED
            else (b"retry-after", b"%d" % RETRY_SECONDS),
        ),
    )

"""The gate: who asks is known before a request is routed, and who is nobody gets no further.

Pure ASGI, so that a refusal costs little: its answer is made beforehand, but for the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import (
    ISSUER_UNAVAILABLE,
    KEYS_UNAVAILABLE,
    MEDIA_TYPE,
    UNAUTHENTICATED,
    ProblemError,
    ProblemKind,
    problem_text,
)
from app.api.security import REALM
from app.auth.authenticator import Authenticator
from app.auth.callers import ALL_ACCESS, UNAUTHENTICATED_CALLER
from app.auth.rejections import CredentialRejected, RejectionReason
from app.telemetry.metrics.registry import Metrics


MAX_BYTES: Final = 8 << 10
"""How long the header may be; tokens that name many groups have some kilobytes."""

RETRY_SECONDS: Final = 10
"""What `Retry-After` says while the issuer's keys, or the file of API keys, are not at hand."""

_BEARER: Final = re.compile(rb"(?i:bearer) +([A-Za-z0-9._~+/-]+=*) *")
"""RFC 6750, 2.1, and RFC 9110, 11.1: the scheme's name is in any case."""

_TOLD: Final = {
    RejectionReason.MISSING: "The request has no credential.",
    RejectionReason.MALFORMED: "The request has no bearer token that can be read.",
    RejectionReason.EXPIRED: "The credential has expired.",
    RejectionReason.ISSUER_UNAVAILABLE: "The keys of the tokens' issuer cannot be fetched now.",
    RejectionReason.KEYS_UNAVAILABLE: "The server's file of API keys cannot be read now.",
}
"""What is told of a reason; of the others no more than that the credential is not taken."""

_UNAVAILABLE: Final = {
    RejectionReason.ISSUER_UNAVAILABLE: ISSUER_UNAVAILABLE,
    RejectionReason.KEYS_UNAVAILABLE: KEYS_UNAVAILABLE,
}
"""Where the credential may be good, and the server cannot tell."""


class PrebuiltRejection(NamedTuple):
    """The answer for one reason.

    Attributes:
        kind: of the problem.
        before: the body, up to the path.
        after: the rest of it.
        headers: but for the length.
    """

    kind: ProblemKind
    before: bytes
    after: bytes
    headers: tuple[tuple[bytes, bytes], ...]


class AuthenticationMiddleware:
    """Puts the caller into `scope["state"]["caller"]`, or refuses.

    A path that asks for no scope is open to all, and what comes with the request is not looked at.
    All others need a credential, those that lead nowhere too. What a refusal was is told further
    out by `scope["state"]`: `refused`, a problem's code, and `reason`, which says more.
    """

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, public: re.Pattern[str], metrics: Metrics
    ) -> None:
        """Stand before an application.

        Args:
            app: the application.
            authenticator: those that are taken.
            public: matches the paths that need none.
            metrics: are told of refusals.
        """
        self._app = app
        self._authenticator = authenticator
        self._is_public = public.fullmatch  # `$` alone lets a newline follow
        self._metrics = metrics
        self._refusals = {reason: _refusal(reason) for reason in RejectionReason}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] == "http":
            state = scope.setdefault("state", {})
            if not self._authenticator.is_required:
                state["caller"] = ALL_ACCESS
            elif self._is_public(scope["path"]):
                state["caller"] = UNAUTHENTICATED_CALLER
            else:
                try:
                    text = bearer_token(scope["headers"])
                    known = self._authenticator.lookup(text)
                    state["caller"] = known or await self._authenticator.verify(text)
                except CredentialRejected as refused:
                    await self._reject(refused.reason, scope, send)
                    return
        await self._app(scope, receive, send)

    async def _reject(self, reason: RejectionReason, scope: Scope, send: Send) -> None:
        refusal = self._refusals[reason]
        scope["state"].update(refused=refusal.kind.code, reason=reason.value)
        self._metrics.credential_rejections.count(reason)
        self._metrics.count_problem(refusal.kind.code)
        body = b"%b%b%b" % (refusal.before, quote(scope["path"]).encode(), refusal.after)
        headers = [*refusal.headers, (b"content-length", b"%d" % len(body))]
        await send(
            {"type": "http.response.start", "status": refusal.kind.status, "headers": headers}
        )
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The only bearer token that a request has in its header.

    Raises:
        Refused: it has none, several, or something else.
    """
    given = [value for name, value in headers if name == b"authorization"]
    if not given:
        raise CredentialRejected(RejectionReason.MISSING)
    found = _BEARER.fullmatch(given[0]) if len(given) == 1 and len(given[0]) <= MAX_BYTES else None
    if found is None:
        raise CredentialRejected(RejectionReason.MALFORMED)
    return found[1].decode()


def _refusal(reason: RejectionReason) -> PrebuiltRejection:
    challenge = f'Bearer realm="{REALM}"'
    if reason is not RejectionReason.MISSING:  # RFC 6750, 3.1: who sends none is told of no error
        challenge += ', error="invalid_token"'
    kind = _UNAVAILABLE.get(reason, UNAUTHENTICATED)
    problem = ProblemError(kind, _TOLD.get(reason, "The credential is not taken."))
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

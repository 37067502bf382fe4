"""Rate limit policies: named limits with their `RateLimit` headers and 429 responses.

The headers follow draft-ietf-httpapi-ratelimit-headers-10 and are structured fields (RFC 9651).
"""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Receive, Scope, Send

from app.api.problems import TOO_MANY_REQUESTS, ProblemError
from app.middleware.gcra import GcraLimiter, RateLimitStatus
from app.middleware.rejection import reject


WINDOW_SECONDS: Final = 60
"""The window of every policy: the settings give requests per minute."""

UNLIMITED_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""Paths never answered with 429: a probe must not mistake a busy server for a dead one."""


class RateLimitPolicy:
    """A named rate limit.

    Attributes:
        limiter: counts the requests.
    """

    def __init__(self, name: str, quota: int, excess: str) -> None:
        """Create the policy.

        Args:
            name: the name in the headers.
            quota: the quota of the limiter, for a window of `WINDOW_SECONDS`.
            excess: the detail of the problem for a request over the limit, in one sentence.
        """
        self.limiter = GcraLimiter(quota, WINDOW_SECONDS)
        self._name = name.encode()
        self._policy = b'"%b";q=%d;w=%d' % (self._name, quota, WINDOW_SECONDS)
        self._excess = excess

    def with_headers(self, status: RateLimitStatus, send: Send) -> Send:
        """Return a wrapper of `send` that adds the `RateLimit` headers to the response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers(status)]
            await send(message)

        return send_with_headers

    async def reject(
        self, status: RateLimitStatus, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request over the limit with 429."""
        headers = {"Retry-After": str(status.seconds)}
        problem = ProblemError(TOO_MANY_REQUESTS, self._excess, headers=headers)
        await reject(problem, scope, receive, self.with_headers(status, send))

    def _headers(self, status: RateLimitStatus) -> list[tuple[bytes, bytes]]:
        """Return the headers.

        `r` is the number of further requests allowed now. `t` is the number of seconds until the
        full quota is restored or, for a request over the limit, until one request is allowed.
        """
        limit = b'"%b";r=%d;t=%d' % (self._name, status.left, status.seconds)
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", limit)]

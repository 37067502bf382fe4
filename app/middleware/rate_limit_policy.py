"""Rate limit policies: the `RateLimit` headers and the 429 response of a named limit.

The headers follow draft-ietf-httpapi-ratelimit-headers-10 and are structured fields (RFC 9651).
"""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Receive, Scope, Send

from app.api.problems import TOO_MANY_REQUESTS, ProblemError
from app.middleware.gcra import GcraLimiter, RateLimitStatus
from app.middleware.rejection import reject


WINDOW_SECONDS: Final = 60
"""The window of every policy; settings are requests per minute."""

UNLIMITED_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""Never answered with 429: a probe must not mistake a busy server for a dead one."""


class RateLimitPolicy:
    """A named rate limit.

    Attributes:
        limiter: counts the events.
    """

    def __init__(self, name: str, quota: int, excess: str) -> None:
        """Create the policy.

        Args:
            name: the name in the headers.
            quota: the maximum number of events per minute.
            excess: the detail of the problem if the limit is exceeded, in one sentence.
        """
        self.limiter = GcraLimiter(quota, WINDOW_SECONDS)
        self._name = name.encode()
        self._policy = b'"%b";q=%d;w=%d' % (self._name, quota, WINDOW_SECONDS)
        self._excess = excess

    def with_headers(self, status: RateLimitStatus, send: Send) -> Send:
        """Wrap `send` to add the `RateLimit` headers to the response."""

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

        `r` more events are allowed now. After `t` seconds the full quota is restored or, if this
        event is over the limit, one event is allowed again.
        """
        limit = b'"%b";r=%d;t=%d' % (self._name, status.left, status.seconds)
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", limit)]

"""Rate limit policies: the `RateLimit` headers and the 429 response of a named limit.

The headers follow draft-ietf-httpapi-ratelimit-headers-10 and are structured fields (RFC 9651).
"""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Scope, Send

from app.api.problems import MEDIA_TYPE, TOO_MANY_REQUESTS, ProblemError, problem_text
from app.api.request_state import request_state
from app.middleware.gcra import GcraLimiter, RateLimitStatus
from app.telemetry.metrics.registry import Metrics


WINDOW_SECONDS: Final = 60
"""The window of every policy; settings are requests per minute."""

UNLIMITED_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""Never answered with 429: a probe must not mistake a busy server for a dead one."""

Field = tuple[bytes, bytes]


class RateLimitPolicy:
    """A named rate limit.

    Attributes:
        limiter: counts the events.
    """

    def __init__(self, name: str, quota: int, excess: str, metrics: Metrics) -> None:
        """Create the policy.

        Args:
            name: the name in the headers.
            quota: the maximum number of events per minute.
            excess: the detail of the problem if the limit is exceeded, in one sentence.
            metrics: counts the problems.
        """
        self.limiter = GcraLimiter(quota, WINDOW_SECONDS)
        self._name = name.encode()
        self._field = b'"%b";q=%d;w=%d' % (self._name, quota, WINDOW_SECONDS)
        self._excess = ProblemError(TOO_MANY_REQUESTS, excess)
        self._metrics = metrics

    def add_headers(self, start: Message, status: RateLimitStatus) -> None:
        """Add the `RateLimit` headers to a response start message."""
        start["headers"] = [*start["headers"], *self._fields(status)]

    async def reject(self, status: RateLimitStatus, scope: Scope, send: Send) -> None:
        """Answer a request over the limit with 429."""
        kind = self._excess.kind
        request_state(scope).reject(kind.code)
        self._metrics.count_problem(kind.code)
        body = problem_text(self._excess, scope["path"])
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"retry-after", b"%d" % status.seconds),
            *self._fields(status),
        ]
        await send({"type": "http.response.start", "status": kind.status, "headers": headers})
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})

    def _fields(self, status: RateLimitStatus) -> tuple[Field, Field]:
        """Return the headers: `r` more events are allowed within `t` seconds, or one after them."""
        limit = b'"%b";r=%d;t=%d' % (self._name, status.left, status.seconds)
        return (b"ratelimit-policy", self._field), (b"ratelimit", limit)

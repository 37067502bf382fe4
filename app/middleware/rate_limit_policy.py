"""Rate policies: what clients are told of a rate, and the answer for whoever goes beyond it.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10, in structured fields (RFC 9651).
"""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Scope, Send

from app.api.problems import MEDIA_TYPE, TOO_MANY_REQUESTS, ProblemError, problem_text
from app.middleware.gcra import GcraLimiter, RateLimitStatus
from app.telemetry.metrics.registry import Metrics


WINDOW_SECONDS: Final = 60
"""The window of every policy; settings say how much a minute."""

UNLIMITED_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""Who probes must not take a busy server for a dead one."""

Field = tuple[bytes, bytes]


class RateLimitPolicy:
    """A rate that has a name.

    Attributes:
        limiter: what is counted.
    """

    def __init__(self, name: str, quota: int, excess: str, metrics: Metrics) -> None:
        """Make the policy.

        Args:
            name: as clients see it.
            quota: how much may happen in a minute.
            excess: what to tell those who go beyond it, in a sentence.
            metrics: are told of each who does.
        """
        self.limiter = GcraLimiter(quota, WINDOW_SECONDS)
        self._name = name.encode()
        self._field = b'"%b";q=%d;w=%d' % (self._name, quota, WINDOW_SECONDS)
        self._excess = ProblemError(TOO_MANY_REQUESTS, excess)
        self._metrics = metrics

    def add_headers(self, start: Message, standing: RateLimitStatus) -> None:
        """Let the start of an answer tell of the rate, and of where its client stands."""
        start["headers"] = [*start["headers"], *self._fields(standing)]

    async def reject(self, standing: RateLimitStatus, scope: Scope, send: Send) -> None:
        """Answer a request that goes beyond the rate."""
        kind = self._excess.kind
        scope["state"]["refused"] = kind.code
        self._metrics.count_problem(kind.code)
        body = problem_text(self._excess, scope["path"])
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"retry-after", b"%d" % standing.seconds),
            *self._fields(standing),
        ]
        await send({"type": "http.response.start", "status": kind.status, "headers": headers})
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})

    def _fields(self, standing: RateLimitStatus) -> tuple[Field, Field]:
        """`r` more may come within the next `t` seconds; beyond the rate, one may after these."""
        limit = b'"%b";r=%d;t=%d' % (self._name, standing.left, standing.seconds)
        return (b"ratelimit-policy", self._field), (b"ratelimit", limit)

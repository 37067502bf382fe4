"""Requests as metrics.

Prometheus' own objects, behind one look-up for each request; see docs/monitoring.md for what that
costs a page.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Scope


METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Those that have a series; clients can make up others."""

UNANSWERED: Final = "none"
"""In the place of the status where the client left first."""


class HttpMetrics:
    """Counts requests and how long they take, by method and route."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "sa_contexts_http_requests",
            "Requests answered, by method, route and status; none: the client left first.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "sa_contexts_http_request_duration_seconds",
            "How long requests took until the last of the answer was handed over.",
            ["method", "route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.in_progress = Gauge(
            "sa_contexts_http_requests_in_progress", "Requests being answered.", registry=registry
        )
        self._children: dict[tuple[str, str, int | None], tuple[Counter, Histogram]] = {}

    def observe(self, scope: Scope, status: int | None, seconds: float) -> None:
        """Count a request that ended.

        Args:
            scope: the request, as its route left it.
            status: of the answer; None where there was none.
            seconds: how long it took.
        """
        method: str = scope["method"]
        route = getattr(scope.get("route"), "path", "unmatched")
        children = self._children.get((method, route, status))
        if children is None:
            known = method if method in METHODS else "other"
            children = (
                self._requests.labels(known, route, UNANSWERED if status is None else str(status)),
                self._seconds.labels(known, route),
            )
            if known == method:
                self._children[method, route, status] = children
        requests, durations = children
        requests.inc()
        durations.observe(seconds)

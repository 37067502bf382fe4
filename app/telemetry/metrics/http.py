"""Metrics of HTTP requests.

Series are cached by method, route and status, so a request costs one look-up (docs/monitoring.md).
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Scope


METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Methods with a label of their own; others are `other`, because clients can invent any number."""

UNANSWERED: Final = "none"
"""The status of requests whose client disconnected before the response began."""


class HttpMetrics:
    """Counts and times requests, by method and route."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "sa_contexts_http_requests",
            "HTTP requests, by method, route and status; none: the client disconnected first.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "sa_contexts_http_request_duration_seconds",
            "Time from a request to the end of its response, in seconds.",
            ["method", "route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.in_progress = Gauge(
            "sa_contexts_http_requests_in_progress", "Requests in progress.", registry=registry
        )
        self._children: dict[tuple[str, str, int | None], tuple[Counter, Histogram]] = {}

    def observe(self, scope: Scope, status: int | None, seconds: float) -> None:
        """Count a finished request and its duration.

        Args:
            scope: the request's scope after routing.
            status: the response's status; None: there was no response.
            seconds: the duration.
        """
        method: str = scope["method"]
        route = getattr(scope.get("route"), "path", "unmatched")
        children = self._children.get((method, route, status))
        if children is None:
            label = method if method in METHODS else "other"
            children = (
                self._requests.labels(label, route, UNANSWERED if status is None else str(status)),
                self._seconds.labels(label, route),
            )
            if label == method:
                self._children[method, route, status] = children
        requests, durations = children
        requests.inc()
        durations.observe(seconds)

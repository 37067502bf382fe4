"""The metrics of a running server, in Prometheus' text format and in OpenMetrics."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from app.auth.rejections import RejectionReason
from app.service import Service
from app.telemetry.logging.acceptance_summary import AcceptanceSummary
from app.telemetry.logging.rejection_summary import RejectionSummary
from app.telemetry.logging.sinks import DROPPED
from app.telemetry.metrics.engine import EngineCollector
from app.telemetry.metrics.http import HttpMetrics
from app.telemetry.metrics.refreshes import RefreshMetrics
from app.telemetry.metrics.server import ServerCollector


TEXT = CONTENT_TYPE_PLAIN_0_0_4
OPEN_METRICS = openmetrics.CONTENT_TYPE_LATEST

Sampler = Callable[[], Coroutine[Any, Any, None]]
"""Samples values for metrics periodically until cancelled."""

_open_metrics = cast(Callable[[CollectorRegistry], bytes], openmetrics.generate_latest)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # unused series


class Metrics:
    """The metrics of one server. Belongs to its event loop.

    Attributes:
        registry: the registry of all metrics; prometheus_client's global one is not used.
        http: counts and times requests.
        rejection_summary: logs rejected requests in periodic summaries.
        connection_summary: logs rejected connections likewise.
        acceptance_summary: logs callers whose credentials were accepted likewise.
    """

    def __init__(
        self, additions: Iterable[Callable[[CollectorRegistry], Sequence[Sampler]]]
    ) -> None:
        """Register all metrics.

        Args:
            additions: functions that each register the metrics of what is served, and return its
                samplers. A scrape must not call the engine or a database.
        """
        self.registry = CollectorRegistry()
        self._samplers: list[Sampler] = [
            sampler for add in additions for sampler in add(self.registry)
        ]
        self.registry.register(DROPPED)
        self.http = HttpMetrics(self.registry)
        self._credential_rejections = Counter(
            "sa_contexts_credential_rejections",
            "Requests rejected for a missing or invalid credential, by reason.",
            ["reason"],
            registry=self.registry,
        )
        for reason in RejectionReason:
            self._credential_rejections.labels(reason.value)
        self.rejection_summary = RejectionSummary()
        self.connection_summary = RejectionSummary("connections_rejected", "reason")
        self.acceptance_summary = AcceptanceSummary()
        self._samplers += [
            self.rejection_summary.run,
            self.connection_summary.run,
            self.acceptance_summary.run,
        ]
        self._problems = Counter(
            "sa_contexts_problems",
            "Problem responses, by code.",
            ["code"],
            registry=self.registry,
        )
        PlatformCollector(self.registry)
        GCCollector(self.registry)
        self.registry.register(_process_collector())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all samplers until the end of the block."""
        async with anyio.create_task_group() as tasks:
            for sample in self._samplers:
                tasks.start_soon(sample)
            yield
            tasks.cancel_scope.cancel()

    def preregister_problems(self, codes: Iterable[str]) -> None:
        """Create the series of these problems, so that each starts at 0."""
        for code in codes:
            self._problems.labels(code)

    def count_problem(self, code: str) -> None:
        """Count a problem response."""
        self._problems.labels(code).inc()

    def count_credential_rejection(self, reason: RejectionReason) -> None:
        """Count a rejected credential."""
        self._credential_rejections.labels(reason.value).inc()

    def count_early_rejection(self, code: str, address: str) -> None:
        """Count and log a problem that was sent before the application ran."""
        self.count_problem(code)
        self.rejection_summary.record(code, address)

    def count_connections(self, count: Callable[[], int]) -> None:
        """Register the gauge of open connections; `count` returns its value."""
        Gauge("sa_contexts_connections", "Open connections.", registry=self.registry).set_function(
            count
        )

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format, of media type `TEXT`."""
        return generate_latest(self.registry)

    def open_metrics(self) -> bytes:
        """Return all metrics as OpenMetrics, of media type `OPEN_METRICS`."""
        return _open_metrics(self.registry)


def add_service_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the metrics of a host's service, besides those of its resources and answers."""
    registry.register(EngineCollector(service))
    RefreshMetrics(service.store, registry)
    registry.register(ServerCollector(service))
    return ()


def _process_collector() -> Collector:
    """Create the collector of this process' metrics; prometheus_client's needs /proc."""
    if sys.platform == "win32":
        from app.telemetry.metrics.windows_process import (  # noqa: PLC0415  # Windows only
            WindowsProcessCollector,
        )

        return WindowsProcessCollector()
    return ProcessCollector(registry=None)

"""All metrics of a running server, in the two texts that Prometheus takes."""

from __future__ import annotations

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

from app.service import Service
from app.telemetry.logging.rejection_summary import RejectionSummary
from app.telemetry.metrics.credential_rejections import RejectionMetrics
from app.telemetry.metrics.engine import EngineCollector
from app.telemetry.metrics.http import HttpMetrics
from app.telemetry.metrics.refreshes import RefreshMetrics
from app.telemetry.metrics.server import ServerCollector


TEXT = CONTENT_TYPE_PLAIN_0_0_4
OPEN_METRICS = openmetrics.CONTENT_TYPE_LATEST

Sampler = Callable[[], Coroutine[Any, Any, None]]
"""Reads what metrics need, again and again, until it is cancelled."""

_open_metrics = cast(Callable[[CollectorRegistry], bytes], openmetrics.generate_latest)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # of no use here


class Metrics:
    """The metrics of one service. Belongs to its event loop.

    To be given costs the engine nothing, and grows with neither contexts nor clients.

    Attributes:
        registry: all of them, and no others: the library's global registry is not used.
        http: to be told of requests.
        credential_rejections: to be told of credentials that are not taken.
        rejection_summary: to be told of strangers' requests that were refused.
    """

    def __init__(
        self,
        service: Service,
        additions: Iterable[Callable[[Service, CollectorRegistry], Sequence[Sampler]]] = (),
    ) -> None:
        """Register all metrics.

        Args:
            service: what is measured.
            additions: registers the metrics of a resource; returns what must run to sample them.
        """
        self.registry = CollectorRegistry()
        self.registry.register(EngineCollector(service))
        self._samplers: list[Sampler] = [
            sampler for add in additions for sampler in add(service, self.registry)
        ]
        RefreshMetrics(service.store, self.registry)
        self.registry.register(ServerCollector(service))
        self.http = HttpMetrics(self.registry)
        self.credential_rejections = RejectionMetrics(self.registry)
        self.rejection_summary = RejectionSummary()
        self._samplers.append(self.rejection_summary.run)
        self._problems = Counter(
            "sa_contexts_problems",
            "Problems answered, by their code.",
            ["code"],
            registry=self.registry,
        )
        PlatformCollector(self.registry)
        GCCollector(self.registry)
        ProcessCollector(registry=self.registry)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sample what the engine counts, until the end of the block."""
        async with anyio.create_task_group() as tasks:
            for sample in self._samplers:
                tasks.start_soon(sample)
            yield
            tasks.cancel_scope.cancel()

    def preregister_problems(self, codes: Iterable[str]) -> None:
        """Let there be a count of each of these problems, 0 until one is told."""
        for code in codes:
            self._problems.labels(code)

    def count_problem(self, code: str) -> None:
        """Count a problem that was answered."""
        self._problems.labels(code).inc()

    def count_early_rejection(self, code: str, address: str) -> None:
        """Count a problem that was answered before the application was asked; the log is told."""
        self.count_problem(code)
        self.rejection_summary.record(code, address)

    def count_connections(self, count: Callable[[], int]) -> None:
        """Let the number of connections be what a function gives."""
        Gauge("sa_contexts_connections", "Open connections.", registry=self.registry).set_function(
            count
        )

    def text(self) -> bytes:
        """As Prometheus' own text, of the type `TEXT`."""
        return generate_latest(self.registry)

    def open_metrics(self) -> bytes:
        """As OpenMetrics, of the type `OPEN_METRICS`."""
        return _open_metrics(self.registry)

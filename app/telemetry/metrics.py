"""All metrics of a running server, in the two texts that Prometheus takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics

from app.service import Service
from app.telemetry.drains import DrainMetrics
from app.telemetry.engine import EngineCollector
from app.telemetry.http import HttpMetrics
from app.telemetry.server import ServerCollector


TEXT = CONTENT_TYPE_PLAIN_0_0_4
OPEN_METRICS = openmetrics.CONTENT_TYPE_LATEST

_open_metrics = cast(Callable[[CollectorRegistry], bytes], openmetrics.generate_latest)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # of no use here


class Metrics:
    """The metrics of one service. Belongs to its event loop.

    To be given costs the engine nothing, and grows with neither contexts nor clients.

    Attributes:
        registry: all of them, and no others: the library's global registry is not used.
        http: to be told of requests.
        problems: answered, by their code.
    """

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(EngineCollector(service))
        DrainMetrics(service.store, self.registry)
        self.registry.register(ServerCollector(service.store))
        self.http = HttpMetrics(self.registry)
        self.problems = Counter(
            "sa_contexts_problems",
            "Problems answered, by their code.",
            ["code"],
            registry=self.registry,
        )
        PlatformCollector(self.registry)
        GCCollector(self.registry)
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """As Prometheus' own text, of the type `TEXT`."""
        return generate_latest(self.registry)

    def open_metrics(self) -> bytes:
        """As OpenMetrics, of the type `OPEN_METRICS`."""
        return _open_metrics(self.registry)

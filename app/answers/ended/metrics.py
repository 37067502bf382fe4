"""The metric of the SA contexts that have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answers.ended.recorder import EndedContexts
from app.schemas.names import EndReason
from app.service import Service
from app.telemetry.metrics.registry import Sampler


class EndedCollector(Collector):
    """Exports how many contexts have ended, by reason."""

    def __init__(self, ended: EndedContexts) -> None:
        self._ended = ended

    def collect(self) -> Iterator[Metric]:
        """Yield the counter, with a series for each reason."""
        family = CounterMetricFamily(
            "wfp_sa_contexts_ended",
            "SA contexts that have ended, by inferred reason.",
            labels=["reason"],
        )
        for reason in EndReason:
            family.add_metric([reason.value], self._ended.counts[reason])
        yield family


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the counter of ended contexts."""
    registry.register(EndedCollector(service.part(EndedContexts)))
    return ()

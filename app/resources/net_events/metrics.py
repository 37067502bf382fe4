"""Failures of IKE and packets dropped by IPsec, counted as they are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.resources.net_events.collector import NetEventCollector
from app.resources.net_events.encoding import error_name_of, type_of
from app.resources.net_events.names import NetEventType
from app.resources.net_events.watcher import NetEventWatcher
from app.service import Service
from app.telemetry.metrics.registry import Sampler
from bindings.net_event import NetEvent


MAX_SERIES: Final = 500
"""As many as there are known errors of all types, about; what is more has `other` for its error."""

OTHER: Final = "other"
UNKNOWN: Final = "unknown"


class FailureMetrics:
    """Counts what net events tell of. Any thread may."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "wfp_failures",
            "Failures of IKE and packets dropped by IPsec, by what failed and the error's name.",
            ["type", "error"],
            registry=registry,
        )
        for type_ in NetEventType:
            self._failures.labels(type_.value, UNKNOWN)
        self._seen: set[tuple[str, str]] = set()
        self._one_at_a_time = Lock()

    def observe(self, event: NetEvent) -> None:
        """Count an event."""
        self.count(type_of(event).value, error_name_of(event) or UNKNOWN)

    def count(self, type_: str, error: str) -> None:
        """Count a failure.

        Args:
            type_: what failed, a word of an enumeration.
            error: the name of its code in winerror.h or ntstatus.h.
        """
        with self._one_at_a_time:
            if (type_, error) not in self._seen and len(self._seen) == MAX_SERIES:
                error = OTHER
            else:
                self._seen.add((type_, error))
        self._failures.labels(type_, error).inc()


class LagCollector(Collector):
    """How far the slowest stream of net events is behind."""

    def __init__(self, service: Service) -> None:
        self._streams = service.streams

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield GaugeMetricFamily(
            "sa_contexts_net_event_stream_lag_events",
            "Net events that the slowest stream of them is behind.",
            self._streams.lag(NetEventWatcher),
        )


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the counts of failures, and the lag of streams."""
    service.part(NetEventCollector).on_event = FailureMetrics(registry).observe
    registry.register(LagCollector(service))
    return ()

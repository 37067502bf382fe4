"""Metrics of net events: failures by type and error, and the lag of streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
"""Maximum number of counted pairs of type and error. A host is expected to have far fewer."""

OTHER: Final = "other"
"""The label of errors without a name, and of new errors once there are `MAX_SERIES` pairs."""


class FailureMetrics:
    """Counts failures by type and error. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "wfp_failures",
            "IKE failures and packets dropped by IPsec, by type and error name.",
            ["type", "error"],
            registry=registry,
        )
        for type_ in NetEventType:
            self._failures.labels(type_.value, OTHER)
        self._seen: set[tuple[str, str]] = set()
        self._lock = Lock()

    def observe(self, event: NetEvent) -> None:
        """Count an event."""
        self.count(type_of(event).value, error_name_of(event) or OTHER)

    def count(self, type_: str, error: str) -> None:
        """Count a failure.

        Args:
            type_: a value of `NetEventType`.
            error: name of the code in winerror.h or ntstatus.h, or `OTHER`.
        """
        with self._lock:
            if (type_, error) not in self._seen and len(self._seen) == MAX_SERIES:
                error = OTHER
            else:
                self._seen.add((type_, error))
        self._failures.labels(type_, error).inc()


class LagCollector(Collector):
    """Exports the lag of the slowest stream of net events."""

    def __init__(self, service: Service) -> None:
        self._streams = service.streams

    def collect(self) -> Iterator[Metric]:
        """Yield the lag, in events."""
        yield GaugeMetricFamily(
            "sa_contexts_net_event_stream_lag_events",
            "Lag of the slowest net event stream, in events.",
            self._streams.lag(NetEventWatcher),
        )


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the failure counter and the lag of streams."""
    service.part(NetEventCollector).on_event = FailureMetrics(registry).observe
    registry.register(LagCollector(service))
    return ()

"""The engine as metrics: whether it answers, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import InfoMetricFamily, Metric, StateSetMetricFamily
from prometheus_client.registry import Collector

from app.service import Service
from app.telemetry.metrics.gauges import gauge
from app.telemetry.metrics.states import EngineState, state_of


class EngineCollector(Collector):
    """What the store knows of the engine. Belongs to the store's event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics; those of contexts have values while the engine answers."""
        service = self._service
        state = state_of(service.store)
        is_up = state is EngineState.READY
        yield gauge("wfp_up", "Whether the last drain succeeded, not long ago.", is_up)
        yield StateSetMetricFamily(
            "wfp_state",
            "How the engine is: which of these is 1.",
            {each.value: each is state for each in EngineState},
        )
        yield InfoMetricFamily(
            "wfp_engine",
            "Whose contexts these are.",
            {"kind": service.library.kind.value, "host": service.host},
        )
        contents = service.store.state
        yield gauge(
            "wfp_last_drain_success_timestamp_seconds",
            "When the last drain began that succeeded.",
            None if contents is None else contents.build.snapshot.taken_at.timestamp(),
        )

"""Metrics of the engine: its state, kind and host."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import (
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.registry import Collector

from app.service import Service
from app.telemetry.metrics.states import EngineState, state_of
from bindings.call_notes import NOTES


class EngineCollector(Collector):
    """Collects the engine's state from the store. Belongs to the store's event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield the engine's metrics, without calling the engine."""
        service = self._service
        state = state_of(service.store)
        yield GaugeMetricFamily(
            "wfp_up",
            "Whether the last refresh succeeded, and recently.",
            float(state is EngineState.READY),
        )
        yield StateSetMetricFamily(
            "wfp_state",
            "The engine's state: exactly one series is 1.",
            {each.value: each is state for each in EngineState},
        )
        yield InfoMetricFamily(
            "wfp_engine",
            "Kind of the engine that is read, and name of its host.",
            {"kind": service.library.kind.value, "host": service.host},
        )
        unreadable = GaugeMetricFamily(
            "wfp_resource_unreadable",
            "Whether a resource is not read, because reading it ended the server.",
            labels=["resource"],
        )
        for resource in NOTES.deaths():
            unreadable.add_metric([resource], float(NOTES.seconds_unreadable(resource) > 0))
        yield unreadable
        call = service.library.oldest_unfinished_call()
        yield GaugeMetricFamily(
            "wfp_unfinished_call_seconds",
            "Time for which the oldest unfinished call of the engine has not returned, in seconds.",
            0.0 if call is None else call.seconds(),
        )
        current = service.store.state
        yield GaugeMetricFamily(
            "wfp_last_refresh_success_timestamp_seconds",
            "Start of the last successful refresh, in Unix time.",
            None if current is None else current.build.snapshot.taken_at.timestamp(),
        )

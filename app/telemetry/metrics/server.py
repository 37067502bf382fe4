"""Metrics of the server itself: versions, snapshots, streams, API keys and the journal."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.repository.changes.watcher import Watcher
from app.service import Service


class ServerCollector(Collector):
    """Collects the metrics of one service. Belongs to the service's event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._build = {
            "version": version("sa-contexts"),
            "python_version": platform.python_version(),
        }

    def collect(self) -> Iterator[Metric]:
        """Yield the server's metrics."""
        store = self._service.store
        yield InfoMetricFamily("sa_contexts_build", "Installed versions.", self._build)
        yield GaugeMetricFamily(
            "sa_contexts_leased_snapshots",
            "Snapshots leased to clients.",
            len(store.leases),
        )
        yield GaugeMetricFamily(
            "sa_contexts_leased_snapshot_bytes",
            "Bytes that leased snapshots keep in memory; shared blocks count once.",
            store.leases.bytes(None),
        )
        yield CounterMetricFamily(
            "sa_contexts_evicted_leases",
            "Leases that a caller lost because the maximum was reached.",
            store.leases.evictions,
        )
        yield GaugeMetricFamily(
            "sa_contexts_snapshot_bytes",
            "Bytes of JSON of the current snapshot.",
            0 if store.current is None else store.current.blocks.size,
        )
        yield GaugeMetricFamily(
            "sa_contexts_streams", "Open event streams.", self._service.streams.count
        )
        yield GaugeMetricFamily(
            "sa_contexts_stream_lag_revisions",
            "Lag of the slowest stream of SA contexts, in revisions.",
            self._service.streams.lag(Watcher),
        )
        yield from self._queues()
        if (api_keys := self._service.credentials.api_keys) is not None:
            yield GaugeMetricFamily(
                "sa_contexts_api_keys_readable",
                "1: the last read of the file of API keys succeeded; 0: it failed.",
                int(api_keys.is_readable),
            )
        yield GaugeMetricFamily(
            "sa_contexts_journal_changes", "Changes in the journal.", store.journal.changes
        )
        yield GaugeMetricFamily(
            "sa_contexts_journal_bytes", "Bytes of JSON in the journal.", store.journal.bytes
        )

    def _queues(self) -> Iterator[Metric]:
        """Yield the state of each fair queue."""
        capacity = self._service.capacity
        limiters = {
            "turns": capacity.turns,
            "engine": self._service.engine_calls.limiter,
            "filtering": capacity.filtering,
            "compression": capacity.compression,
        }
        families: tuple[GaugeMetricFamily | CounterMetricFamily, ...] = (
            GaugeMetricFamily(
                "sa_contexts_queue_occupied_seats", "Occupied seats.", labels=["queue"]
            ),
            GaugeMetricFamily("sa_contexts_queue_waiting", "Work that waits.", labels=["queue"]),
            CounterMetricFamily(
                "sa_contexts_queue_waits", "Work admitted after a wait.", labels=["queue"]
            ),
            CounterMetricFamily(
                "sa_contexts_queue_wait_seconds", "How long this work waited.", labels=["queue"]
            ),
        )
        for name, limiter in limiters.items():
            values = (limiter.occupied, limiter.waiting, limiter.waits, limiter.wait_seconds)
            for family, value in zip(families, values, strict=True):
                family.add_metric([name], value)
        yield from families

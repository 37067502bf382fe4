"""What the server itself holds, as metrics."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
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
from app.telemetry.logging.sinks import DROPPED, SINK_NAMES


class ServerCollector(Collector):
    """What a service keeps for its clients. Belongs to its event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._build = {
            "version": version("sa-contexts"),
            "python_version": platform.python_version(),
        }

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        store = self._service.store
        yield InfoMetricFamily("sa_contexts_build", "What is installed.", self._build)
        lost = CounterMetricFamily(
            "sa_contexts_log_entries_lost",
            "Entries of the log that were not written, by where they were lost.",
            labels=["where"],
        )
        for where in SINK_NAMES:
            lost.add_metric([where], DROPPED[where])
        yield lost
        yield GaugeMetricFamily(
            "sa_contexts_snapshots_held",
            "Snapshots that clients are walking through.",
            len(store.leases),
        )
        yield GaugeMetricFamily(
            "sa_contexts_snapshots_held_bytes",
            "What they keep in memory; what they share counts once.",
            store.leases.bytes(None),
        )
        yield GaugeMetricFamily(
            "sa_contexts_version_bytes",
            "JSON of the newest version.",
            0 if store.current is None else store.current.blocks.size,
        )
        yield GaugeMetricFamily(
            "sa_contexts_streams", "Open streams of events.", self._service.streams.count
        )
        yield GaugeMetricFamily(
            "sa_contexts_stream_lag_revisions",
            "Revisions that the slowest stream of SA contexts is behind.",
            self._service.streams.lag(Watcher),
        )
        if (api_keys := self._service.credentials.api_keys) is not None:
            yield GaugeMetricFamily(
                "sa_contexts_keys_readable",
                "1: the file of API keys could be read when it was last looked at.",
                int(api_keys.is_readable),
            )
        yield GaugeMetricFamily(
            "sa_contexts_journal_changes", "Changes in the journal.", store.journal.changes
        )
        yield GaugeMetricFamily(
            "sa_contexts_journal_bytes", "JSON in the journal.", store.journal.bytes
        )

"""What the server itself holds, as metrics."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from app.repository.store import Store


class ServerCollector(Collector):
    """What a store keeps for its clients. Belongs to the store's event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._build = {
            "version": version("sa-contexts"),
            "python_version": platform.python_version(),
        }

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        store = self._store
        yield InfoMetricFamily("sa_contexts_build", "What is installed.", self._build)
        yield GaugeMetricFamily(
            "sa_contexts_snapshots_held",
            "Snapshots that clients are walking through.",
            len(store.holds),
        )
        yield GaugeMetricFamily(
            "sa_contexts_snapshots_held_bytes",
            "What they keep in memory; what they share counts once.",
            store.holds.bytes(None),
        )
        yield GaugeMetricFamily(
            "sa_contexts_version_bytes",
            "JSON of the newest version.",
            0 if store.current is None else store.current.texts.size,
        )
        yield GaugeMetricFamily(
            "sa_contexts_journal_changes", "Changes in the journal.", store.journal.changes
        )
        yield GaugeMetricFamily(
            "sa_contexts_journal_bytes", "JSON in the journal.", store.journal.bytes
        )

"""Drains as metrics: how long they take, how much they give, and why they fail."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from app.repository.store import RefreshResult, Store
from app.telemetry.metrics.states import FAILURES, failure_of


class RefreshMetrics:
    """Counts a store's drains as they end."""

    def __init__(self, store: Store, registry: CollectorRegistry) -> None:
        self._store = store
        self._epoch: str | None = None
        self._seconds = Histogram(
            "sa_contexts_drain_duration_seconds",
            "How long a drain took that succeeded.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self._contexts = Counter(
            "sa_contexts_drain_contexts",
            "SA contexts that all drains gave together.",
            registry=registry,
        )
        self._failures = Counter(
            "sa_contexts_drain_failures",
            "Drains that failed, by how the engine was.",
            ["reason"],
            registry=registry,
        )
        for reason in FAILURES:
            self._failures.labels(reason.value)
        self._epochs = Counter(
            "sa_contexts_epochs",
            "Epochs begun: the first, and one whenever the engine's session was opened anew.",
            registry=registry,
        )
        store.on_refresh = self._observe

    def _observe(self, contact: RefreshResult) -> None:
        if contact.error is not None:
            self._failures.labels(failure_of(contact.error).value).inc()
            return
        self._seconds.observe(contact.seconds)
        self._contexts.inc(contact.object_count)
        epoch = None if self._store.current is None else self._store.current.epoch
        if epoch != self._epoch:
            self._epochs.inc()
        self._epoch = epoch

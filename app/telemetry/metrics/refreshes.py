"""Metrics of refreshes: durations, objects read, and reasons of failures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from app.repository.refresh.result import RefreshResult
from app.repository.store import Store
from app.telemetry.metrics.states import FAILURES, failure_of


class RefreshMetrics:
    """Counts a store's refreshes as they end."""

    def __init__(self, store: Store, registry: CollectorRegistry) -> None:
        self._store = store
        self._epoch: str | None = None
        self._seconds = Histogram(
            "sa_contexts_refresh_duration_seconds",
            "Duration of successful refreshes, in seconds.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self._contexts = Counter(
            "sa_contexts_refresh_contexts",
            "SA contexts read by all refreshes.",
            registry=registry,
        )
        self._failures = Counter(
            "sa_contexts_refresh_failures",
            "Failed refreshes, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in FAILURES:
            self._failures.labels(reason.value)
        self._epochs = Counter(
            "sa_contexts_epochs",
            "Epochs started: the first, and one for each reopened engine session.",
            registry=registry,
        )
        store.on_refresh = self._observe

    def _observe(self, result: RefreshResult) -> None:
        if result.error is not None:
            self._failures.labels(failure_of(result.error).value).inc()
            return
        self._seconds.observe(result.seconds)
        self._contexts.inc(result.object_count)
        epoch = None if self._store.current is None else self._store.current.epoch
        if epoch != self._epoch:
            self._epochs.inc()
        self._epoch = epoch

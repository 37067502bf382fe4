"""How often a store reads the engine, and how much it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """The limits of one store.

    Attributes:
        refresh_min_interval_seconds: the minimum pause between two refreshes.
        refresh_interval_seconds: the time from the start of a refresh to the next periodic one,
            which finds the changes that the engine does not announce.
        refresh_debounce_seconds: how long dirty ids are collected before they are read.
        refresh_retry_seconds: the time between two attempts while the engine is failing.
        ready_max_age_seconds: the server is ready only if the last refresh succeeded and started
            at most this long ago.
        engine_timeout_seconds: how long a request waits for a refresh.
        snapshot_idle_timeout_seconds: how long a lease lasts after its last use.
        max_snapshot_seconds: how long a lease lasts at most, unless it is pinned.
        max_snapshots: the maximum number of distinct leased snapshots; the default exceeds the
            number of refreshes that can run within the idle timeout.
        max_snapshot_bytes: the maximum size of all leased snapshots together, in bytes; before a
            lease would exceed it, another is evicted.
        max_journal_changes: the maximum number of changes in the journal.
        max_journal_bytes: the maximum size of these changes' JSON and index keys, in bytes.
    """

    refresh_min_interval_seconds: float = 0.25
    refresh_interval_seconds: float = 15.0
    refresh_debounce_seconds: float = 0.1
    refresh_retry_seconds: float = 2.0
    ready_max_age_seconds: float = 60.0
    engine_timeout_seconds: float = 30.0
    snapshot_idle_timeout_seconds: float = 60.0
    max_snapshot_seconds: float = 600.0
    max_snapshots: int = 256
    max_snapshot_bytes: int = 2 << 30
    max_journal_changes: int = 100_000
    max_journal_bytes: int = 64 << 20

"""How often a store reads the engine, and how much it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """The limits of one store.

    Attributes:
        refresh_min_interval_seconds: the minimum pause between two refreshes.
        refresh_interval_seconds: the time between two refreshes that no client asked for; a change
            that the engine does not announce is found within this time.
        refresh_debounce_seconds: the debounce time of dirty ids, which are then read in batches.
        refresh_retry_seconds: the time between two attempts while the engine is failing.
        ready_max_age_seconds: the maximum age of the last successful refresh for the server to be
            ready.
        engine_timeout_seconds: how long a request waits for a refresh.
        snapshot_idle_timeout_seconds: how long a lease lasts after its last use.
        max_snapshot_seconds: how long a lease lasts at most.
        max_snapshots: the maximum number of distinct leased snapshots; the default exceeds
            what refreshes can produce within the idle time.
        max_snapshot_bytes: the size of all snapshots together, in bytes, above which no further
            lease is granted.
        max_journal_changes: the maximum number of changes in the journal.
        max_journal_bytes: the maximum size of their JSON, in bytes.
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

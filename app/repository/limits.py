"""How often a store reads the engine, and how much it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """The limits of one store.

    Attributes:
        minimum_interval_seconds: the minimum pause between two refreshes.
        refresh_seconds: the time between two refreshes that no client asked for; a change
            that the engine does not announce is found within this time.
        gather_seconds: the debounce time of dirty ids, which are then read in one batch.
        retry_seconds: the time between two attempts while the engine is failing.
        ready_seconds: the maximum age of the last successful refresh for the server to be ready.
        patience_seconds: how long a request waits for a refresh.
        snapshot_idle_seconds: how long a lease lasts after its last use.
        snapshot_max_seconds: how long a lease lasts at most.
        snapshot_count: the maximum number of distinct leased snapshots; the default exceeds
            what refreshes can produce within the idle time.
        snapshot_bytes: the size of all snapshots together, in bytes, above which no further
            lease is granted.
        journal_changes: the maximum number of changes in the journal.
        journal_bytes: the maximum size of their JSON, in bytes.
    """

    minimum_interval_seconds: float = 0.25
    refresh_seconds: float = 15.0
    gather_seconds: float = 0.1
    retry_seconds: float = 2.0
    ready_seconds: float = 60.0
    patience_seconds: float = 30.0
    snapshot_idle_seconds: float = 60.0
    snapshot_max_seconds: float = 600.0
    snapshot_count: int = 256
    snapshot_bytes: int = 2 << 30
    journal_changes: int = 100_000
    journal_bytes: int = 64 << 20

"""How long and how much the store keeps, and how often it asks the engine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """The store's limits; times are in seconds.

    Attributes:
        minimum_interval_seconds: the least time between two drains.
        refresh_seconds: how often the engine is asked when no client wants to know; changes
            of which it gives no notice are found within this time.
        gather_seconds: how long changes are gathered that the engine gives notice of, to be
            told together.
        retry_seconds: the same while it does not answer.
        ready_seconds: how old the last good contact may be for the server to be ready.
        patience_seconds: how long a request waits for a drain.
        snapshot_idle_seconds: how long a version is held after its last use.
        snapshot_max_seconds: how long it is held at most.
        snapshot_count: how many versions that differ are held; more than drains can give
            within the idle time.
        snapshot_bytes: how many bytes of JSON all versions may have for another walk to begin.
        journal_changes: how many changes the journal keeps.
        journal_bytes: how many bytes of JSON it keeps.
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

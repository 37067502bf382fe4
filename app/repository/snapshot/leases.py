"""Holds: the versions that clients are walking through.

A version is held for an idle time after its last use, and for an absolute time
at most. One that is pinned is held as long as the pin. Over the cap the newest
walks are refused, not the older ones broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.repository.snapshot.memory import SharedMemory
from app.repository.snapshot.model import Snapshot


class TooManySnapshots(Exception):
    """No further snapshot can be held.

    Attributes:
        retry_after_seconds: when one of those held now expires at the latest.
    """

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many snapshots are held")
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class Lease:
    """One held version; times are of the store's own clock, in seconds."""

    snapshot: Snapshot
    acquired_at: float
    used_at: float
    pins: int = 0
    is_walked: bool = False


class SnapshotLeases:
    """The held versions, by epoch and revision."""

    def __init__(
        self,
        *,
        idle_seconds: float,
        max_seconds: float,
        max_count: int,
        max_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self.idle_seconds = idle_seconds
        self.max_seconds = max_seconds
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._clock = clock
        self._leases: dict[tuple[str, int], Lease] = {}
        self._kept = SharedMemory()

    def find(self, epoch: str, revision: int) -> Lease | None:
        """The hold on a version, whose idle time begins anew; None where it is not held."""
        self.expire()
        hold = self._leases.get((epoch, revision))
        if hold is not None:
            hold.used_at = self._clock()
        return hold

    def acquire(self, version: Snapshot) -> Lease:
        """Hold a version, or go on holding it.

        Raises:
            TooManySnapshots: it is not held yet, and the cap is reached.
        """
        hold = self._lease(version)
        hold.is_walked = True
        return hold

    def _lease(self, version: Snapshot) -> Lease:
        hold = self.find(version.epoch, version.revision)
        if hold is None:
            if self._is_full(version) or self.bytes(version) > self._max_bytes:
                raise TooManySnapshots(self._first_expiry())
            now = self._clock()
            hold = Lease(version, acquired_at=now, used_at=now)
            self._leases[version.epoch, version.revision] = hold
            self._kept.add(version.blocks)
        return hold

    @contextmanager
    def pin(self, version: Snapshot) -> Iterator[Lease]:
        """Hold a version until the end of the block, whatever the time, and no longer for its sake.

        Raises:
            TooManySnapshots: as for `take`.
        """
        hold = self._lease(version)
        hold.pins += 1
        try:
            yield hold
        finally:
            hold.pins -= 1
            hold.used_at = self._clock()
            if not hold.pins and not hold.is_walked:
                self.drop(version)

    def replace_partial(self, version: Snapshot) -> None:
        """Put a version in the place of itself as it was held incomplete."""
        hold = self._leases.get((version.epoch, version.revision))
        if hold is not None:
            self._kept.add(version.blocks)
            self._kept.remove(hold.snapshot.blocks)
            hold.snapshot = version

    def drop(self, version: Snapshot) -> None:
        """Hold a version no longer."""
        hold = self._leases.pop((version.epoch, version.revision), None)
        if hold is not None:
            self._kept.remove(hold.snapshot.blocks)

    def remaining_seconds(self, hold: Lease) -> float:
        """For how long the version is held, if it is used in time."""
        return hold.acquired_at + self.max_seconds - self._clock()

    def bytes(self, current: Snapshot | None) -> int:
        """So many bytes are kept by `current` and all that is held; what is shared counts once."""
        return self._kept.bytes + (
            0 if current is None else self._kept.additional_bytes(current.blocks)
        )

    def __len__(self) -> int:
        self.expire()
        return len(self._leases)

    def _is_full(self, version: Snapshot) -> bool:
        """Whether `version` would be one too many. Versions without a difference count as one."""
        kept = {id(hold.snapshot.blocks) for hold in self._leases.values()}
        return id(version.blocks) not in kept and len(kept) >= self._max_count

    def expire(self) -> None:
        """Let go of what was held long enough."""
        now = self._clock()
        for hold in [*self._leases.values()]:
            if not hold.pins and now >= self._end(hold):
                self.drop(hold.snapshot)

    def _end(self, hold: Lease) -> float:
        """When the version is let go, if it is not used before."""
        return min(hold.used_at + self.idle_seconds, hold.acquired_at + self.max_seconds)

    def _first_expiry(self) -> float:
        """How many seconds it is until the next version is let go."""
        now = self._clock()
        ends = [self._end(hold) for hold in self._leases.values() if not hold.pins]
        return max(0.0, min(ends, default=now + self.idle_seconds) - now)

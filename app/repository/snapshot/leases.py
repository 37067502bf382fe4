"""Leases: keeping snapshots for the clients that page through them.

A lease expires when it has not been used for the idle timeout, and at the latest after an
absolute time; the lease of a pinned snapshot does not expire. If the maximum is reached, no
new lease is granted, and existing ones are not revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.repository.snapshot.memory import SharedMemory
from app.repository.snapshot.model import Snapshot


class TooManySnapshots(Exception):
    """No further snapshot can be leased.

    Attributes:
        retry_after_seconds: the time until the next lease expires, if none is used before.
    """

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many snapshots are leased")
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class Lease:
    """The lease of one snapshot.

    Attributes:
        snapshot: the leased snapshot.
        acquired_at: when the lease began, in seconds on the store's clock.
        used_at: when it was last used, in seconds on the same clock.
        pins: the number of pins of the snapshot.
        is_walked: whether a client pages through the snapshot; if so, the lease outlives the
            last pin.
    """

    snapshot: Snapshot
    acquired_at: float
    used_at: float
    pins: int = 0
    is_walked: bool = False


class SnapshotLeases:
    """The leases of one store, one per snapshot."""

    def __init__(
        self,
        *,
        idle_timeout_seconds: float,
        max_seconds: float,
        max_count: int,
        max_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self.idle_timeout_seconds = idle_timeout_seconds
        self.max_seconds = max_seconds
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._clock = clock
        self._leases: dict[tuple[str, int], Lease] = {}
        self._memory = SharedMemory()

    def find(self, epoch: str, revision: int) -> Lease | None:
        """Return a snapshot's lease and restart its idle timeout; None if it has no lease."""
        self.expire()
        lease = self._leases.get((epoch, revision))
        if lease is not None:
            lease.used_at = self._clock()
        return lease

    def acquire(self, snapshot: Snapshot) -> Lease:
        """Lease a snapshot for paging, or renew its lease.

        Raises:
            TooManySnapshots: it is not leased yet, and would exceed the maximum number or size.
        """
        lease = self._find_or_add(snapshot)
        lease.is_walked = True
        return lease

    def _find_or_add(self, snapshot: Snapshot) -> Lease:
        lease = self.find(snapshot.epoch, snapshot.revision)
        if lease is None:
            if self._is_full(snapshot) or self.bytes(snapshot) > self._max_bytes:
                raise TooManySnapshots(self._first_expiry())
            now = self._clock()
            lease = Lease(snapshot, acquired_at=now, used_at=now)
            self._leases[snapshot.epoch, snapshot.revision] = lease
            self._memory.add(snapshot.blocks)
        return lease

    @contextmanager
    def pin(self, snapshot: Snapshot) -> Iterator[Lease]:
        """Pin a snapshot for the duration of the block. Pinned snapshots do not expire.

        Raises:
            TooManySnapshots: as for `acquire`.
        """
        lease = self._find_or_add(snapshot)
        lease.pins += 1
        try:
            yield lease
        finally:
            lease.pins -= 1
            lease.used_at = self._clock()
            if not lease.pins and not lease.is_walked:
                self.drop(snapshot)

    def replace_partial(self, snapshot: Snapshot) -> None:
        """Replace the partial snapshot of this revision, if it is leased, with the complete one."""
        lease = self._leases.get((snapshot.epoch, snapshot.revision))
        if lease is not None:
            self._memory.add(snapshot.blocks)
            self._memory.remove(lease.snapshot.blocks)
            lease.snapshot = snapshot

    def drop(self, snapshot: Snapshot) -> None:
        """End a snapshot's lease, if it has one."""
        lease = self._leases.pop((snapshot.epoch, snapshot.revision), None)
        if lease is not None:
            self._memory.remove(lease.snapshot.blocks)

    def drop_all(self) -> None:
        """End all leases."""
        for lease in [*self._leases.values()]:
            self.drop(lease.snapshot)

    def remaining_seconds(self, lease: Lease) -> float:
        """Return the time until a lease reaches its absolute limit."""
        return lease.acquired_at + self.max_seconds - self._clock()

    def bytes(self, current: Snapshot | None) -> int:
        """Return the size of `current` and all leased snapshots; shared memory counts once."""
        return self._memory.bytes + (
            0 if current is None else self._memory.additional_bytes(current.blocks)
        )

    def __len__(self) -> int:
        self.expire()
        return len(self._leases)

    def _is_full(self, snapshot: Snapshot) -> bool:
        """Return whether a lease would exceed `max_count`; shared texts count once."""
        leased = {id(lease.snapshot.blocks) for lease in self._leases.values()}
        return id(snapshot.blocks) not in leased and len(leased) >= self._max_count

    def expire(self) -> None:
        """Drop all expired leases."""
        now = self._clock()
        for lease in [*self._leases.values()]:
            if not lease.pins and now >= self._expiry(lease):
                self.drop(lease.snapshot)

    def _expiry(self, lease: Lease) -> float:
        """Return when a lease expires, on the clock, if it is not used before."""
        return min(lease.used_at + self.idle_timeout_seconds, lease.acquired_at + self.max_seconds)

    def _first_expiry(self) -> float:
        """Return the seconds until the next lease expires if none is used before."""
        now = self._clock()
        expiries = [self._expiry(lease) for lease in self._leases.values() if not lease.pins]
        return max(0.0, min(expiries, default=now + self.idle_timeout_seconds) - now)

"""Leases: keeping snapshots for the clients that page through them.

A lease expires when it has not been used for the idle timeout, and at the latest after an
absolute time; the lease of a pinned snapshot does not expire.

How callers share the maximum: each may use all of it while no other needs it. If it is reached,
a new lease evicts the least recently used lease of the caller that has most leases, if that is
at least two more than the new lease's caller has, and otherwise of that caller itself. So a
caller never loses an equal share to others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter

from app.repository.fairness import CALLER
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


@dataclass(slots=True, eq=False)
class Pin:
    """A client that reads the snapshot without pauses.

    Attributes:
        caller: the client's caller.
        on_evict: called if the pin is evicted.
    """

    caller: Hashable
    on_evict: Callable[[], None]


@dataclass(slots=True)
class Lease:
    """The lease of one snapshot.

    Attributes:
        snapshot: the leased snapshot.
        acquired_at: when the lease began, in seconds on the store's clock.
        used_at: when it was last used, in seconds on the same clock.
        pins: the pins of the snapshot, the oldest first.
        walkers: the callers that page through the snapshot; if there are any, the lease outlives
            the last pin.
    """

    snapshot: Snapshot
    acquired_at: float
    used_at: float
    pins: list[Pin] = field(default_factory=list)
    walkers: set[Hashable] = field(default_factory=set)

    @property
    def callers(self) -> set[Hashable]:
        """The callers that use the lease."""
        return self.walkers.union(pin.caller for pin in self.pins)


class SnapshotLeases:
    """The leases of one store, one per snapshot.

    Attributes:
        evictions: how many times a caller lost a lease because the maximum was reached.
    """

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
        self.evictions = 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._clock = clock
        self._leases: dict[tuple[str, int], Lease] = {}
        self._memory = SharedMemory()

    def find(self, epoch: str, number: int) -> Lease | None:
        """Return a snapshot's lease and restart its idle timeout; None if it has no lease."""
        self.expire()
        lease = self._leases.get((epoch, number))
        if lease is not None:
            lease.used_at = self._clock()
        return lease

    def acquire(self, snapshot: Snapshot) -> Lease:
        """Lease a snapshot for paging, or renew its lease.

        Raises:
            TooManySnapshots: it is not leased yet, would exceed the maximum number or size, and no
                other lease can be evicted.
        """
        lease = self._find_or_add(snapshot)
        lease.walkers.add(CALLER.get())
        return lease

    @contextmanager
    def pin(
        self, snapshot: Snapshot, on_evict: Callable[[], None] = lambda: None
    ) -> Iterator[Lease]:
        """Pin a snapshot for the duration of the block. Pinned snapshots do not expire.

        Args:
            snapshot: the snapshot.
            on_evict: called if the pin is evicted; it must make the client stop reading.

        Raises:
            TooManySnapshots: as for `acquire`.
        """
        lease, pin = self._find_or_add(snapshot), Pin(CALLER.get(), on_evict)
        lease.pins.append(pin)
        try:
            yield lease
        finally:
            if pin in lease.pins:
                lease.pins.remove(pin)
                lease.used_at = self._clock()
                self._drop_if_unused(lease)

    def _find_or_add(self, snapshot: Snapshot) -> Lease:
        lease = self.find(snapshot.epoch, snapshot.number)
        if lease is None:
            while self._is_full(snapshot):
                self._evict_for(snapshot)
            now = self._clock()
            lease = Lease(snapshot, acquired_at=now, used_at=now)
            self._leases[snapshot.epoch, snapshot.number] = lease
            self._memory.add(snapshot.blocks)
        return lease

    def _evict_for(self, snapshot: Snapshot) -> None:
        """End one caller's use of a lease, to make a lease of this snapshot possible.

        A pin is evicted only for another caller: what a caller is reading is worth more to it than
        what it begins.

        Raises:
            TooManySnapshots: that is impossible or would be unfair.
        """
        counts = self._counts()
        caller = CALLER.get()
        fair_count = counts[caller] + 1
        most, count = max(counts.items(), key=itemgetter(1), default=(caller, 0))
        is_others = count > fair_count
        loser = most if is_others else caller
        walked = [lease for lease in self._leases.values() if loser in lease.walkers]
        pinned = [
            (lease, pin)
            for lease in self._leases.values()
            for pin in lease.pins
            if pin.caller == loser
        ]
        alone = SharedMemory().additional_bytes(snapshot.blocks)
        if alone > self._max_bytes or not (walked or (pinned and is_others)):
            raise TooManySnapshots(self._first_expiry())
        self.evictions += 1
        if walked:
            lease = min(walked, key=lambda lease: lease.used_at)
            lease.walkers.remove(loser)
        else:
            lease, pin = min(pinned, key=lambda item: item[0].acquired_at)
            lease.pins.remove(pin)
            pin.on_evict()
        self._drop_if_unused(lease)

    def _counts(self) -> Counter[Hashable]:
        """Return the number of leases of each caller; shared texts count once."""
        leases = {
            (caller, id(lease.snapshot.blocks))
            for lease in self._leases.values()
            for caller in lease.callers
        }
        return Counter(caller for caller, _ in leases)

    def _drop_if_unused(self, lease: Lease) -> None:
        key = lease.snapshot.epoch, lease.snapshot.number
        if not lease.pins and not lease.walkers and self._leases.get(key) is lease:
            self.drop(lease.snapshot)

    def replace_partial(self, snapshot: Snapshot) -> None:
        """Replace the partial snapshot of this revision, if it is leased, with the complete one."""
        lease = self._leases.get((snapshot.epoch, snapshot.number))
        if lease is not None:
            self._memory.add(snapshot.blocks)
            self._memory.remove(lease.snapshot.blocks)
            lease.snapshot = snapshot

    def drop(self, snapshot: Snapshot) -> None:
        """End a snapshot's lease, if it has one."""
        lease = self._leases.pop((snapshot.epoch, snapshot.number), None)
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
        """Return whether a lease would exceed a maximum; shared texts count once."""
        if self.bytes(snapshot) > self._max_bytes:
            return True
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

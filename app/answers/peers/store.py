"""The published peers: snapshots, and the journal of the changes between them.

There are two stores. One sees failures, and one does not, for callers who may not: nothing that it
publishes can depend on them.

How peers are published: what peers show is made only for those that changed since the last
publication. If any of them differs from before, that makes a revision, with its changes in the
journal. A publication without differences only updates the numbers, and makes no revision.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import anyio
import anyio.lowlevel
import anyio.to_thread

from app.answers.peers.aggregate import Peers
from app.answers.peers.item import STATES, indexed, item_of
from app.answers.peers.kind import PeerKind
from app.answers.peers.parts import PeerKey, number_of, peer_of_number
from app.answers.peers.snapshot import PeerSnapshot, PeerTexts
from app.answers.peers.traffic import Sample
from app.answers.published import PublishedStore
from app.repository.limits import StoreLimits
from app.repository.snapshot.model import Change, Item
from app.schemas.names import PeerState


SLICE: Final = 100
"""Number of peers that are made without a pause, in some milliseconds."""
MAX_SORTED: Final = 1000
"""Number of pending peers that are sorted on the event loop, in a millisecond."""
MAX_IDLE_PENDING: Final = 10_000
"""The number of pending peers above which those that neither exist nor are published are forgotten.
"""


class Sources(NamedTuple):
    """What a publication is made from, besides the peers.

    Attributes:
        taken_at: when the oldest refresh of SA contexts and main mode SAs started, in UTC.
        started: the same, in seconds on the stores' clock.
        sample: the traffic.
        annotations: members to add to each page.
    """

    taken_at: datetime
    started: float
    sample: Sample
    annotations: Mapping[str, str]


class PeerStore(PublishedStore[PeerSnapshot]):
    """The published peers.

    Attributes:
        sees_failures: whether failures affect what is published.
        counts: the number of published peers by state.
    """

    def __init__(
        self,
        peers: Peers,
        refresh: Callable[[float], Awaitable[Sources]],
        limits: StoreLimits,
        *,
        sees_failures: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a store, which publishes nothing before it is asked.

        Args:
            peers: the peers.
            refresh: brings the peers up to date; its argument is the maximum age in seconds.
            limits: the lifetime and the number of leases.
            sees_failures: see the attribute.
            clock: returns seconds.
        """
        super().__init__(PeerKind(), limits, clock)
        self.sees_failures: Final = sees_failures
        self.counts = dict.fromkeys(PeerState, 0)
        self._peers = peers
        self._refresh = refresh
        self._pending: set[PeerKey] = set()
        self._ids: list[int] = []
        self._items: list[Item] = []
        self._lock = anyio.Lock()

    def mark(self, changed: set[PeerKey]) -> None:
        """Make the next publication look at these peers."""
        self._pending |= changed
        if len(self._pending) > MAX_IDLE_PENDING + 2 * (len(self._peers) + len(self._ids)):
            self._pending &= self._peers.keys() | {*map(peer_of_number, self._ids)}

    async def snapshot_at_most(
        self, max_age: float, *, may_be_partial: bool = False
    ) -> PeerSnapshot:
        """Return a snapshot of sources that are at most `max_age` seconds old.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
                `app.repository.store.Store.snapshot_at_most`.
        """
        del may_be_partial  # peers are counted as a whole
        return await self.publish(await self._refresh(max_age))

    async def publish(self, sources: Sources) -> PeerSnapshot:
        """Publish the pending changes; return the newest snapshot."""
        async with self._lock:
            pending, self._pending = self._pending, set()
            try:
                ids, items, changes = await self._changes(pending)
            except BaseException:  # cancelled: nothing is published
                self._pending |= pending
                raise
            if changes or not self.revision:
                self.revision += 1
                self._ids, self._items = ids, items
                self._count(changes)
            failures = self._peers.failures.all() if self.sees_failures else None
            texts = PeerTexts(self._items, self._ids, sources.sample.totals, failures)
            current, is_same = self.current, False
            if current is not None and not changes and texts.equals(current.texts):
                if (current.started, current.annotations) == (sources.started, sources.annotations):
                    return current
                is_same, texts = True, current.texts  # leases of both snapshots cost once
            content_revision, publication = self._next_numbers(is_same=is_same)
            snapshot = PeerSnapshot(
                self.epoch,
                self.revision,
                sources.taken_at,
                sources.started,
                self._ids,
                texts,
                [item.index_key for item in self._items]
                if changes or current is None
                else current.index_keys,
                b"",
                content_revision,
                sources.annotations,
                publication=publication,
                texts=texts,
            )
            return self._publish(snapshot, changes)

    def _count(self, changes: Iterable[Change]) -> None:
        """Update the counts by state."""
        for _kind, _number, item, old_key, *_ in changes:
            if old_key is not None:
                self.counts[STATES[indexed(old_key).state]] -= 1
            if item is not None:
                self.counts[STATES[indexed(item.index_key).state]] += 1

    async def _changes(self, pending: set[PeerKey]) -> tuple[list[int], list[Item], list[Change]]:
        """Return the numbers and the items of all peers, and their differences from before.

        The peers may change during a pause; they are then pending again.
        """
        if not pending:
            return self._ids, self._items, []
        if len(pending) > MAX_SORTED:
            ordered = await anyio.to_thread.run_sync(_in_order, pending)
        else:
            ordered = _in_order(pending)
        ids, items, changes = self._ids[:], self._items[:], list[Change]()
        for count, (number, key) in enumerate(ordered, 1):
            new = await self._item_of(key)
            position = bisect_left(ids, number)
            exists = position < len(ids) and ids[position] == number
            old = items[position] if exists else None
            if new is None:
                if old is not None:
                    del ids[position], items[position]
                    changes.append(Change("deleted", number, None, old.index_key))
            elif old is None:
                ids.insert(position, number)
                items.insert(position, new)
                changes.append(Change("added", number, new, None))
            elif new is not old and new != old:
                items[position] = new
                changes.append(Change("modified", number, new, old.index_key))
            if count % SLICE == 0:
                await anyio.lowlevel.checkpoint()
        return ids, items, changes

    async def _item_of(self, key: PeerKey) -> Item | None:
        failures = self._peers.failures.get(key) if self.sees_failures else None
        peer = self._peers.get(key)
        make = partial(
            item_of,
            key,
            is_expected=key in self._peers.expected,
            is_failing=failures is not None and failures.is_failing,
            expected_names=self._peers.expected.names(key),
        )
        if peer is not None and peer.item is None and peer.is_crowd:
            return await anyio.to_thread.run_sync(make, peer.copy())
        return make(peer)


def _in_order(peers: Iterable[PeerKey]) -> list[tuple[int, PeerKey]]:
    """Return peers with their numbers, in order of these."""
    return sorted((number_of(key), key) for key in peers)

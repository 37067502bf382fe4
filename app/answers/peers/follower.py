"""Follows a store, so that its changes are applied to the peers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import anyio
import anyio.lowlevel
import anyio.to_thread

from app.answers.peers.aggregate import by_peer
from app.answers.peers.parts import PeerKey
from app.repository.changes.journal import Position
from app.repository.query.filters import Key
from app.repository.snapshot.model import Change, Snapshot
from app.repository.store import Store


SLICE: Final = 500
"""Number of changes that are applied without a pause, in a millisecond."""


class Follower:
    """Applies the changes of one store to the peers."""

    def __init__(
        self,
        store: Store,
        peers_of: Callable[[Key], Iterable[PeerKey]],
        apply: Callable[[Iterable[Change], datetime], None],
        replace: Callable[
            [Mapping[PeerKey, dict[int, Key]], datetime | None, Iterable[tuple[PeerKey, str]]],
            Awaitable[None],
        ],
        find_names: Callable[[Mapping[PeerKey, dict[int, Key]]], list[tuple[PeerKey, str]]],
    ) -> None:
        """Create a follower, which has applied nothing.

        Args:
            store: the store.
            peers_of: returns the peers of an object, given its index key.
            apply: applies changes.
            replace: replaces all objects.
            find_names: returns the expected names of peers, given their objects.
        """
        self.store: Final = store
        self._peers_of = peers_of
        self._apply = apply
        self._replace = replace
        self._find_names = find_names
        self._position: tuple[str, Position] | None = None
        self._lock = anyio.Lock()

    async def catch_up(self) -> None:
        """Apply all changes that the store has recorded.

        If its journal does not cover them, count all objects again.
        """
        async with self._lock:
            journal = self.store.journal
            while True:
                epoch = journal.epoch
                revisions = self._position and journal.changes_after(*self._position)
                if revisions is None:
                    snapshot = self.store.current
                    if snapshot is None or not self.store.journal_covers(snapshot):
                        return  # a refresh will come
                    await self._recount(snapshot)
                    continue
                if not revisions:
                    return
                for number, changes, time in revisions:
                    for start in range(0, len(changes), SLICE):
                        self._apply(changes[start : start + SLICE], time)
                        await anyio.lowlevel.checkpoint()
                    # A new epoch may have begun meanwhile; then all is counted again.
                    self._position = (epoch, Position(number))

    async def _recount(self, snapshot: Snapshot) -> None:
        found, named = await anyio.to_thread.run_sync(self._count, snapshot)
        await self._replace(found, None if self._position is None else datetime.now(UTC), named)
        self._position = (snapshot.epoch, Position(snapshot.revision))

    def _count(
        self, snapshot: Snapshot
    ) -> tuple[dict[PeerKey, dict[int, Key]], list[tuple[PeerKey, str]]]:
        """Return the objects and the expected names of all peers. Runs in a thread."""
        objects = zip(snapshot.ids, snapshot.index_keys, strict=True)
        found = by_peer(objects, self._peers_of)
        return found, self._find_names(found)

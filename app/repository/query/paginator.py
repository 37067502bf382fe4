"""Pages of a list, and whole lists.

How paging works: a list of more than one page leases its snapshot, and each cursor
names that snapshot's revision, so that all pages show one state. Once the lease has
expired, the client can resume in the newest snapshot of the epoch, after the last id
that it received.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Final

from app.repository.fairness import FairLimiter
from app.repository.query.cursors import Cursor, CursorKey
from app.repository.query.filters import Selection
from app.repository.query.match_cache import MatchCache
from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.source import SnapshotSource
from app.repository.store import EngineTimedOut
from app.schemas.names import View


RESUMED_MAX_AGE: Final = 1.0
"""The maximum age, in seconds, of the snapshot in which a resumed list continues."""


class SnapshotExpired(Exception):
    """The lease of a cursor's snapshot, or the cursor's epoch, has ended.

    Attributes:
        selection: the cursor's selection.
        view: the cursor's view.
        resume: a cursor that continues after the same id in the newest snapshot; None if
            the epoch has ended, because ids mean nothing in another epoch.
    """

    def __init__(self, selection: Selection, view: View, resume: str | None) -> None:
        super().__init__("the snapshot's lease has expired")
        self.selection = selection
        self.view = view
        self.resume = resume


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        pieces: the JSON texts of its items, each after a comma; each piece is made when needed.
        length: the size of all pieces in bytes; None unless the view is full.
        snapshot: the snapshot that the page shows.
        selection: the filters of the list.
        view: the view of its items.
        next_cursor: the cursor of the next page; None on the last page.
        lease_seconds: the time until the snapshot's lease ends at the latest, however often it is
            used; None if the snapshot is not leased.
    """

    pieces: Iterator[bytes]
    length: int | None
    snapshot: Snapshot
    selection: Selection
    view: View
    next_cursor: str | None
    lease_seconds: float | None


@dataclass(frozen=True, slots=True)
class SelectedObjects:
    """The selected objects of one snapshot.

    Attributes:
        snapshot: the snapshot.
        selection: the filters.
        positions: the positions of the objects in the snapshot.
        version: a text that changes if one of the objects is added, changed or deleted, but not
            if the snapshot is replaced by one with the same objects; None: the snapshot is partial.
    """

    snapshot: Snapshot
    selection: Selection
    positions: Sequence[int]
    version: str | None


class Paginator:
    """Pages and exports of one store. Belongs to one event loop."""

    def __init__(self, store: SnapshotSource, filtering: FairLimiter | None = None) -> None:
        """Create the pages of a store.

        Args:
            store: the store.
            filtering: admits the threads that filter snapshots.
        """
        self.store: Final = store
        self.kind: Final = store.kind
        self._key = CursorKey()
        self.match_cache: Final = MatchCache(filtering)

    async def first_page(
        self, selection: Selection, view: View, limit: int, max_age: float
    ) -> Page:
        """Return the first page of a list, in a snapshot at most `max_age` seconds old.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
                `Store.snapshot_at_most`.
            TooManySnapshots: the list has a second page, but no lease is available.
        """
        return self.page_of(await self.select(selection, max_age), view, limit)

    async def select(self, selection: Selection, max_age: float) -> SelectedObjects:
        """Return the objects of a list, in a snapshot at most `max_age` seconds old.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
                `Store.snapshot_at_most`.
        """
        snapshot = await self.store.snapshot_at_most(max_age, may_be_partial=selection.matches_all)
        return await self._select(snapshot, selection)

    def page_of(self, selected: SelectedObjects, view: View, limit: int) -> Page:
        """Return the first page of a list.

        Raises:
            TooManySnapshots: the list has a second page, but no lease is available.
        """
        return self._page(selected, view, None, limit)

    @asynccontextmanager
    async def open_export(
        self,
        selection: Selection,
        max_age: float,
        on_evict: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[SelectedObjects]:
        """Yield the objects of a list, in a snapshot at most `max_age` seconds old.

        The snapshot is pinned for the duration of the block.

        Args:
            selection: the filters.
            max_age: in seconds.
            on_evict: called if the pin is evicted; the block must end.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
                `Store.snapshot_at_most`.
            TooManySnapshots: no lease is available.
        """
        snapshot = await self.store.snapshot_at_most(max_age)
        with self.store.leases.pin(snapshot, on_evict):
            yield await self._select(snapshot, selection)

    def read_cursor(self, text: str) -> Cursor:
        """Return the cursor of a text.

        Raises:
            InvalidCursor, CursorForOtherList, CursorFromOtherProcess: as for `CursorKey.read`.
        """
        return self._key.read(text, self.kind.selection)

    async def page_at(self, cursor: Cursor, limit: int) -> Page:
        """Return the page at a cursor.

        Raises:
            SnapshotExpired: the snapshot's lease or the cursor's epoch has ended.
            EngineTimedOut: the cursor's snapshot did not become complete in time.
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown, TooManySnapshots: as for
                `first_page`, if the cursor resumes in the newest snapshot.
        """
        if cursor.revision is None:
            snapshot = await self.store.snapshot_at_most(RESUMED_MAX_AGE)
            if snapshot.epoch != cursor.epoch:
                raise SnapshotExpired(cursor.selection, cursor.view, None)
        else:
            snapshot = await self._leased(cursor, cursor.revision)
        selected = await self._select(snapshot, cursor.selection)
        return self._page(selected, cursor.view, cursor.after, limit)

    async def _leased(self, cursor: Cursor, revision: int) -> Snapshot:
        """Return the leased snapshot of a cursor; wait until it is complete."""
        lease = self.store.leases.find(cursor.epoch, revision)
        if lease is not None and not lease.snapshot.is_complete:
            await self.store.wait_until_complete()
            lease = self.store.leases.find(cursor.epoch, revision)
            if lease is not None and not lease.snapshot.is_complete:
                raise EngineTimedOut
        if lease is None:
            raise SnapshotExpired(cursor.selection, cursor.view, self._resume(cursor))
        return lease.snapshot

    def _page(self, selected: SelectedObjects, view: View, after: int | None, limit: int) -> Page:
        snapshot, selection = selected.snapshot, selected.selection
        positions, last_id = snapshot.page(selected.positions, after, limit)
        pieces, length = snapshot.blocks.pieces(positions), None
        if view is View.FULL:
            length = snapshot.blocks.length(positions)
        else:
            pieces = map(self.kind.in_view, pieces, repeat(view))
        next_cursor = None
        if last_id is None:
            lease = self.store.leases.find(snapshot.epoch, snapshot.number)
        else:
            lease = self.store.leases.acquire(snapshot)
            next_cursor = self._key.write(
                Cursor(snapshot.epoch, snapshot.number, last_id, selection, view)
            )
        lease_seconds = None if lease is None else self.store.leases.remaining_seconds(lease)
        return Page(pieces, length, snapshot, selection, view, next_cursor, lease_seconds)

    async def _select(self, snapshot: Snapshot, selection: Selection) -> SelectedObjects:
        """Return the matching objects; filters run in a thread, and their results are cached."""
        if selection.matches_all:
            version = f"{snapshot.content_revision}" if snapshot.is_complete else None
            return SelectedObjects(snapshot, selection, range(len(snapshot.ids)), version)
        matches = await self.match_cache.matches(snapshot, selection)
        return SelectedObjects(snapshot, selection, *matches)

    def _resume(self, cursor: Cursor) -> str | None:
        """Return the cursor without its revision; None if its epoch has ended."""
        if self.store.current is None or cursor.epoch != self.store.current.epoch:
            return None
        return self._key.write(replace(cursor, revision=None))

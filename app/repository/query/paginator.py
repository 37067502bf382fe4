"""Lists: walks through versions by cursor, and whole lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from app.repository.query.cursors import Cursor, CursorKey
from app.repository.query.filters import Selection
from app.repository.query.match_cache import MatchCache
from app.repository.snapshot.model import Snapshot
from app.repository.store import EngineTimedOut, Store
from app.schemas.names import View


RESUMED_MAX_AGE: Final = 1.0
"""How old, in seconds, the version may be in which a resumed walk goes on."""


class SnapshotExpired(Exception):
    """The version that a cursor goes on in is no longer held.

    Attributes:
        selection: what the walk was for.
        view: how much of it.
        resume: a cursor that goes on after the same id in the newest version;
            None where the ids of the walk mean nothing any more.
    """

    def __init__(self, selection: Selection, view: View, resume: str | None) -> None:
        super().__init__("the snapshot is no longer held")
        self.selection = selection
        self.view = view
        self.resume = resume


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        pieces: the JSON texts of its items, each behind a comma; made as they are taken.
        length: how many bytes all pieces have; None where that is not known beforehand.
        snapshot: what the page shows.
        selection: what the list is for.
        view: how much of it.
        next_cursor: where the list goes on; None at its end.
        lease_seconds: for how long the version can be walked at most; None
            where the page is the whole list and nothing is held for it.
    """

    pieces: Iterator[bytes]
    length: int | None
    snapshot: Snapshot
    selection: Selection
    view: View
    next_cursor: str | None
    lease_seconds: float | None


class Paginator:
    """The lists of one store. Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self.store: Final = store
        self.kind: Final = store.kind
        self._key = CursorKey()
        self.match_cache: Final = MatchCache()

    async def first_page(
        self, selection: Selection, view: View, limit: int, max_age: float
    ) -> Page:
        """The beginning of a list, on a version no older than `max_age` seconds.

        Raises:
            EngineError, EngineTimedOut: as for `fresh`.
            TooManySnapshots: the list has a second page, and no more can be held.
        """
        version = await self.store.snapshot_at_most(max_age, may_be_partial=selection.matches_all)
        return await self._page(version, selection, view, None, limit)

    @asynccontextmanager
    async def open_export(
        self, selection: Selection, max_age: float
    ) -> AsyncIterator[tuple[Snapshot, Sequence[int]]]:
        """A version no older than `max_age` seconds, and where in it what is selected is.

        The version is held until the end of the block.

        Raises:
            EngineError, EngineTimedOut: as for `fresh`.
            TooManySnapshots: no more can be held.
        """
        version = await self.store.snapshot_at_most(max_age)
        with self.store.leases.pin(version):
            yield version, await self._matching(version, selection)

    def read_cursor(self, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            InvalidCursor, CursorForOtherList, CursorFromOtherProcess: as for `CursorKey.read`.
        """
        return self._key.read(text, self.kind.selection)

    async def page_at(self, cursor: Cursor, limit: int) -> Page:
        """The page at a cursor.

        Raises:
            SnapshotExpired: its version is no longer held.
            EngineError, EngineTimedOut, TooManySnapshots: as for `first_page`, where the
                cursor goes on in the newest version.
        """
        if cursor.revision is None:
            version = await self.store.snapshot_at_most(RESUMED_MAX_AGE)
            if version.epoch != cursor.epoch:
                raise SnapshotExpired(cursor.selection, cursor.view, None)
        else:
            version = await self._held(cursor, cursor.revision)
        return await self._page(version, cursor.selection, cursor.view, cursor.after, limit)

    async def _held(self, cursor: Cursor, revision: int) -> Snapshot:
        """The held version that a cursor goes on in, when it is complete."""
        hold = self.store.leases.find(cursor.epoch, revision)
        if hold is not None and not hold.snapshot.is_complete:
            await self.store.wait_until_complete()
            hold = self.store.leases.find(cursor.epoch, revision)
            if hold is not None and not hold.snapshot.is_complete:
                raise EngineTimedOut
        if hold is None:
            raise SnapshotExpired(cursor.selection, cursor.view, self._resume(cursor))
        return hold.snapshot

    async def _page(
        self, version: Snapshot, selection: Selection, view: View, after: int | None, limit: int
    ) -> Page:
        matching = await self._matching(version, selection)
        positions, last = version.page(matching, after, limit)
        pieces, length = version.blocks.pieces(positions), None
        if view is View.BASIC:
            pieces = map(self.kind.basic_view, pieces)
        else:
            length = version.blocks.length(positions)
        next_cursor = None
        if last is None:
            hold = self.store.leases.find(version.epoch, version.revision)
        else:
            hold = self.store.leases.acquire(version)
            next_cursor = self._key.write(
                Cursor(version.epoch, version.revision, last, selection, view)
            )
        held_seconds = None if hold is None else self.store.leases.remaining_seconds(hold)
        return Page(pieces, length, version, selection, view, next_cursor, held_seconds)

    async def _matching(self, version: Snapshot, selection: Selection) -> Sequence[int]:
        """Where in a version what is selected is; found in a thread, once for a walk."""
        if selection.matches_all:
            return range(len(version.ids))
        return await self.match_cache.positions(version, selection)

    def _resume(self, cursor: Cursor) -> str | None:
        """The same place in the newest version, as long as its ids mean the same."""
        if self.store.current is None or cursor.epoch != self.store.current.epoch:
            return None
        return self._key.write(replace(cursor, revision=None))

"""Lists: walks through versions by cursor, and whole lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from app.repository.query.cursors import Cursor, CursorKey
from app.repository.query.filters import Selection
from app.repository.query.match_cache import Matches
from app.repository.snapshot.model import Version
from app.repository.store import EngineSlow, Store
from app.schemas.names import View


RESUMED_MAX_AGE: Final = 1.0
"""How old, in seconds, the version may be in which a resumed walk goes on."""


class SnapshotGone(Exception):
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
        version: what the page shows.
        selection: what the list is for.
        view: how much of it.
        next_cursor: where the list goes on; None at its end.
        held_seconds: for how long the version can be walked at most; None
            where the page is the whole list and nothing is held for it.
    """

    pieces: Iterator[bytes]
    length: int | None
    version: Version
    selection: Selection
    view: View
    next_cursor: str | None
    held_seconds: float | None


class Lists:
    """The lists of one store. Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self.store: Final = store
        self.kind: Final = store.kind
        self._key = CursorKey()
        self.matches: Final = Matches()

    async def first_page(
        self, selection: Selection, view: View, limit: int, max_age: float
    ) -> Page:
        """The beginning of a list, on a version no older than `max_age` seconds.

        Raises:
            EngineError, EngineSlow: as for `fresh`.
            TooManySnapshots: the list has a second page, and no more can be held.
        """
        version = await self.store.fresh(max_age, may_be_incomplete=selection.is_everything)
        return await self._page(version, selection, view, None, limit)

    @asynccontextmanager
    async def whole(
        self, selection: Selection, max_age: float
    ) -> AsyncIterator[tuple[Version, Sequence[int]]]:
        """A version no older than `max_age` seconds, and where in it what is selected is.

        The version is held until the end of the block.

        Raises:
            EngineError, EngineSlow: as for `fresh`.
            TooManySnapshots: no more can be held.
        """
        version = await self.store.fresh(max_age)
        with self.store.holds.pinned(version):
            yield version, await self._matching(version, selection)

    def read_cursor(self, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            CursorDamaged, CursorOfAnotherList, CursorOfAnotherRun: as for `CursorKey.read`.
        """
        return self._key.read(text, self.kind.selection)

    async def page_at(self, cursor: Cursor, limit: int) -> Page:
        """The page at a cursor.

        Raises:
            SnapshotGone: its version is no longer held.
            EngineError, EngineSlow, TooManySnapshots: as for `first_page`, where the
                cursor goes on in the newest version.
        """
        if cursor.revision is None:
            version = await self.store.fresh(RESUMED_MAX_AGE)
            if version.epoch != cursor.epoch:
                raise SnapshotGone(cursor.selection, cursor.view, None)
        else:
            version = await self._held(cursor, cursor.revision)
        return await self._page(version, cursor.selection, cursor.view, cursor.after, limit)

    async def _held(self, cursor: Cursor, revision: int) -> Version:
        """The held version that a cursor goes on in, when it is complete."""
        hold = self.store.holds.find(cursor.epoch, revision)
        if hold is not None and not hold.version.is_complete:
            await self.store.announced_is_made()
            hold = self.store.holds.find(cursor.epoch, revision)
            if hold is not None and not hold.version.is_complete:
                raise EngineSlow
        if hold is None:
            raise SnapshotGone(cursor.selection, cursor.view, self._resume(cursor))
        return hold.version

    async def _page(
        self, version: Version, selection: Selection, view: View, after: int | None, limit: int
    ) -> Page:
        matching = await self._matching(version, selection)
        positions, last = version.page(matching, after, limit)
        pieces, length = version.texts.pieces(positions), None
        if view is View.BASIC:
            pieces = map(self.kind.basic_view, pieces)
        else:
            length = version.texts.length(positions)
        next_cursor = None
        if last is None:
            hold = self.store.holds.find(version.epoch, version.revision)
        else:
            hold = self.store.holds.take(version)
            next_cursor = self._key.write(
                Cursor(version.epoch, version.revision, last, selection, view)
            )
        held_seconds = None if hold is None else self.store.holds.remaining_seconds(hold)
        return Page(pieces, length, version, selection, view, next_cursor, held_seconds)

    async def _matching(self, version: Version, selection: Selection) -> Sequence[int]:
        """Where in a version what is selected is; found in a thread, once for a walk."""
        if selection.is_everything:
            return range(len(version.ids))
        return await self.matches.of(version, selection)

    def _resume(self, cursor: Cursor) -> str | None:
        """The same place in the newest version, as long as its ids mean the same."""
        if self.store.current is None or cursor.epoch != self.store.current.epoch:
            return None
        return self._key.write(replace(cursor, revision=None))

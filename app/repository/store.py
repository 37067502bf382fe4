"""The store: the engine's SA contexts as versions, for lists to be served from.

Its only writer is the drain. State is touched on one event loop only; reading
the engine and working out what changed happen in a thread, on immutable data.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import anyio
import anyio.to_thread
import structlog

from app.repository.cursors import Cursor, CursorKey
from app.repository.drains import DrainAborted, Drains
from app.repository.holds import Hold, Holds
from app.repository.hot_pages import HotPages
from app.repository.journal import Journal
from app.repository.limits import StoreLimits
from app.repository.reading import Reader
from app.repository.selection import EVERYTHING, Selection
from app.repository.versions import Change, Version, first_version, next_version
from bindings.errors import EngineError


log = structlog.get_logger(__name__)

RESUMED_MAX_AGE: Final = 1.0
"""How old, in seconds, the version may be in which a resumed walk goes on."""


class SnapshotGone(Exception):
    """The version that a cursor goes on in is no longer held.

    Attributes:
        selection: what the walk was for.
        resume: a cursor that goes on after the same id in the newest version;
            None where the ids of the walk mean nothing any more.
    """

    def __init__(self, selection: Selection, resume: str | None) -> None:
        super().__init__("the snapshot is no longer held")
        self.selection = selection
        self.resume = resume


class EngineSlow(Exception):
    """No drain ended within the store's patience."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        texts: the JSON text of each context, or of several, joined by commas.
        version: what the page shows.
        next_cursor: where the list goes on; None at its end.
        held_seconds: for how long the version can be walked at most; None
            where the page is the whole list and nothing is held for it.
    """

    texts: list[bytes]
    version: Version
    next_cursor: str | None
    held_seconds: float | None


@dataclass(frozen=True, slots=True)
class Contact:
    """The last time the store asked the engine.

    Attributes:
        at: when, in UTC.
        began: the same on the store's clock.
        seconds: how long it took.
        count: how many contexts it gave.
        error: what it answered instead; None where it answered well.
    """

    at: datetime
    began: float
    seconds: float
    count: int
    error: Exception | None


class Store:
    """Versions of the SA contexts, and the walks through them. Belongs to one event loop.

    Attributes:
        current: the newest version; None until the engine has answered once.
        contact: the last time the engine was asked.
    """

    def __init__(
        self,
        reader: Reader,
        limits: StoreLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits: Final = limits or StoreLimits()
        self.current: Version | None = None
        self.contact: Contact | None = None
        self.journal = Journal(self.limits.journal_changes, self.limits.journal_bytes)
        self.holds = Holds(
            idle_seconds=self.limits.snapshot_idle_seconds,
            max_seconds=self.limits.snapshot_max_seconds,
            max_count=self.limits.snapshot_count,
            max_bytes=self.limits.snapshot_bytes,
            clock=clock,
        )
        self._hot_pages = HotPages(self.limits.hot_page_bytes)
        self._reader = reader
        self._clock = clock
        self._key = CursorKey()
        self._incarnation = 0
        self._one_thread = anyio.CapacityLimiter(1)  # never short of one, whatever requests do
        self._drains = Drains(
            self._drain, minimum_interval=self.limits.minimum_interval_seconds, clock=clock
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Drain when asked to, and often enough to know whether the engine answers."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._drains.run)
            tasks.start_soon(self._keep_in_contact)
            yield
            self.stop()
            tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Let go of all who wait for a drain; no other drain begins."""
        self._reader.stop()
        self._drains.stop()

    @property
    def is_ready(self) -> bool:
        """Whether the last contact with the engine succeeded, and not too long ago."""
        contact = self.contact
        if contact is None or contact.error is not None:
            return False
        return self._clock() - contact.began <= self.limits.ready_seconds

    async def fresh(self, max_age: float) -> Version:
        """A version whose drain began at most `max_age` seconds ago.

        Raises:
            EngineError: the engine refused the drain that was waited for.
            EngineSlow: no drain ended in time.
        """
        not_before = self._clock() - max_age
        if self.current is None or self.current.began < not_before:
            with anyio.move_on_after(self.limits.patience_seconds) as scope:
                await self._drains.wait(not_before)
            if scope.cancelled_caught or self.current is None:
                raise EngineSlow
        return self.current

    async def first_page(self, selection: Selection, limit: int, max_age: float) -> Page:
        """The beginning of a list, on a version no older than `max_age` seconds.

        Raises:
            EngineError, EngineSlow: as for `fresh`.
            TooManySnapshots: the list has a second page, and no more can be held.
        """
        return await self._page(await self.fresh(max_age), None, selection, None, limit)

    def read_cursor(self, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            CursorDamaged, CursorOfAnotherRun: as for `CursorKey.read`.
        """
        return self._key.read(text)

    async def page_at(self, cursor: Cursor, limit: int) -> Page:
        """The page at a cursor.

        Raises:
            SnapshotGone: its version is no longer held.
            EngineError, EngineSlow, TooManySnapshots: as for `first_page`, where the
                cursor goes on in the newest version.
        """
        hold: Hold | None = None
        if cursor.revision is None:
            version = await self.fresh(RESUMED_MAX_AGE)
            if version.epoch != cursor.epoch:
                raise SnapshotGone(cursor.selection, None)
        else:
            hold = self.holds.find(cursor.epoch, cursor.revision)
            if hold is None:
                raise SnapshotGone(cursor.selection, self._resume(cursor))
            version = hold.version
        return await self._page(version, hold, cursor.selection, cursor.after, limit)

    async def _page(
        self,
        version: Version,
        hold: Hold | None,
        selection: Selection,
        after: int | None,
        limit: int,
    ) -> Page:
        if selection == EVERYTHING:
            texts, last = version.select(selection, after, limit)
        else:
            texts, last = await anyio.to_thread.run_sync(version.select, selection, after, limit)
        page = (version.epoch, version.revision, selection, after, limit)
        texts = self._hot_pages.ready(page, texts)
        hold = hold or self.holds.find(version.epoch, version.revision)
        if last is None:
            held_seconds = None if hold is None else self.holds.remaining_seconds(hold)
            return Page(texts, version, None, held_seconds)
        hold = hold or self.holds.take(version)
        cursor = Cursor(version.epoch, version.revision, last, selection)
        return Page(texts, version, self._key.write(cursor), self.holds.remaining_seconds(hold))

    def _resume(self, cursor: Cursor) -> str | None:
        """The same place in the newest version, as long as its ids mean the same."""
        if self.current is None or cursor.epoch != self.current.epoch:
            return None
        return self._key.write(replace(cursor, revision=None))

    async def _drain(self) -> None:
        began, at = self._clock(), datetime.now(UTC)
        try:
            version, changes, incarnation = await anyio.to_thread.run_sync(
                self._read_next, self.current, at, began, limiter=self._one_thread
            )
        except Exception as error:
            before = self.contact and self.contact.error
            self.contact = Contact(at, began, self._clock() - began, 0, error)
            if str(before) != str(error):  # the same every two seconds would fill the log
                log.warning(
                    "drain_failed", error=str(error), exc_info=not isinstance(error, EngineError)
                )
            raise
        if self.contact is not None and self.contact.error is not None:
            log.info("engine_answers_again", contexts=len(version.ids))
        self._incarnation = incarnation
        self.current = version
        if changes is None:
            self.journal.restart(version)
        else:
            self.journal.record(version, changes)
        self.contact = Contact(at, began, self._clock() - began, len(version.ids), None)

    def _read_next(
        self, previous: Version | None, at: datetime, began: float
    ) -> tuple[Version, tuple[Change, ...] | None, int]:
        """In a thread: the version after `previous`, what changed, and the incarnation.

        There are no changes, but a new epoch, where the session was opened anew:
        the engine may have restarted, and ids of before mean nothing.
        """
        reading = self._reader.read_all()
        changes: tuple[Change, ...] | None = None
        if previous is None or reading.incarnation != self._incarnation:
            version = first_version(secrets.token_hex(6), reading.entries, at, began)
        else:
            version, changes = next_version(previous, reading.entries, at, began)
        version = replace(version, is_ikeext_running=reading.is_ikeext_running)
        return version, changes, reading.incarnation

    async def _keep_in_contact(self) -> None:
        while True:
            try:
                await self._drains.wait(self._clock())
            except DrainAborted:
                return
            except Exception:  # noqa: BLE001, S110  # logged where it was raised
                pass
            while (due := self._next_contact() - self._clock()) > 0:  # noqa: ASYNC110  # it moves
                await anyio.sleep(due)

    def _next_contact(self) -> float:
        """When the engine is to be asked again, unless a client makes that happen sooner."""
        contact = self.contact
        if contact is None:
            return self._clock()
        pause = self.limits.retry_seconds if contact.error else self.limits.refresh_seconds
        return contact.began + max(pause, contact.seconds)

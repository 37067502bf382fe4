"""The store: what the engine has of a kind as versions, for lists to be served from.

Two write to it, in turns: drains, which read all objects and make a version,
and looks at single ones, which the engine gave a hint to. What either finds
changed goes into the journal. State is touched on one event loop only; reading
the engine and working out what changed happen in a thread, on data that does
not change meanwhile. A list without filters can begin before all objects are
decoded: their ids are known by then, and what the engine gave of each is in memory.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import anyio
import anyio.from_thread
import anyio.to_thread
import structlog

from app.repository.changes.journal import Journal, Place
from app.repository.changes.rekeys import Rekeys
from app.repository.counts import Counts
from app.repository.limits import StoreLimits
from app.repository.notifier import News
from app.repository.refresh.dirty_ids import Hints
from app.repository.refresh.incremental import Looks
from app.repository.refresh.reader import Reader
from app.repository.refresh.scheduler import DrainAborted, Drains
from app.repository.snapshot.builder import Assembly
from app.repository.snapshot.leases import Holds
from app.repository.snapshot.model import Version
from app.repository.snapshot.state import Contents, Edition, Look
from bindings.errors import EngineError


log = structlog.get_logger(__name__)


MOST_HINTS: Final = 10_000
"""How many hints may wait; with more, a drain costs less than a look at each."""


class EngineSlow(Exception):
    """No drain ended within the store's patience."""


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
    """Versions of all objects of a kind, and the walks through them. Belongs to one event loop.

    Attributes:
        kind: of what.
        contents: what is known of the engine; None until it has answered once.
        contact: the last time the engine was asked.
        looks: at single contexts, where the engine gave a hint.
        news: of anything in the journal, and of the stop.
        on_contact: is told each time that the engine was asked.
        stopping: set when the server stops, for what would go on for long.
    """

    def __init__(
        self,
        reader: Reader,
        limits: StoreLimits | None = None,
        *,
        hints: Hints | None = None,
        stays_in_contact: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a store.

        Args:
            reader: reads the engine.
            limits: how long and how much is kept, and how often the engine is asked.
            hints: where others give hints; without, changes are found by comparison.
            stays_in_contact: whether the engine is asked now and then also when nobody wants
                to know, and hints are followed.
            clock: gives the time in seconds.
        """
        self.kind: Final = reader.kind
        self.limits: Final = limits or StoreLimits()
        self.contents: Contents | None = None
        self.contact: Contact | None = None
        self.on_contact: Callable[[Contact], None] = lambda _contact: None
        self.stopping = anyio.Event()
        self.news = News()
        self.journal = Journal(self.limits.journal_changes, self.limits.journal_bytes)
        self.holds = Holds(
            idle_seconds=self.limits.snapshot_idle_seconds,
            max_seconds=self.limits.snapshot_max_seconds,
            max_count=self.limits.snapshot_count,
            max_bytes=self.limits.snapshot_bytes,
            clock=clock,
        )
        self._reader = reader
        self._stays_in_contact = stays_in_contact
        self._clock = clock
        self._incarnation: int | None = None
        self._announced: Version | None = None
        self._rekeys = Rekeys(self.kind.negotiations, clock)
        self._writing = anyio.Lock()
        self._one_thread = anyio.CapacityLimiter(1)  # never short of one, whatever requests do
        self._drains = Drains(
            self._drain, minimum_interval=self.limits.minimum_interval_seconds, clock=clock
        )
        self.looks = Looks(
            hints or Hints(MOST_HINTS), self.limits, self._look, self._drains.request
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Drain when asked to and, to stay in contact, often enough to know that it answers.

        A thread that reads the engine at the end is left to itself; see `stop` and `idle`.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._drains.run)
            for task in self._tasks():
                tasks.start_soon(task)
            yield
            self.stop()
            tasks.cancel_scope.cancel()

    def _tasks(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What goes on beside the drains."""
        if self._stays_in_contact:
            return self._keep_in_contact, self.looks.follow, self.news.tell_now_and_then
        return (self._let_go,)

    def stop(self) -> None:
        """Let go of all who wait for a drain; no other drain begins."""
        self.stopping.set()
        self.news.tell()
        self._reader.stop()
        self._drains.stop()

    async def idle(self) -> None:
        """Wait until nothing reads the engine for it."""
        async with self._one_thread:
            pass

    @property
    def is_ready(self) -> bool:
        """Whether the last contact with the engine succeeded, and not too long ago."""
        contact = self.contact
        if contact is None or contact.error is not None:
            return False
        return self._clock() - contact.began <= self.limits.ready_seconds

    @property
    def current(self) -> Version | None:
        """The newest version; None until the engine has answered once."""
        return None if self.contents is None else self.contents.edition.version

    async def fresh(self, max_age: float, *, may_be_incomplete: bool = False) -> Version:
        """A version whose drain began at most `max_age` seconds ago.

        Args:
            max_age: in seconds.
            may_be_incomplete: whether its first contexts will do.

        Raises:
            EngineError: the engine refused the drain that was waited for.
            EngineSlow: no drain ended in time.
        """
        not_before = self._clock() - max_age
        if self.current is not None and self.current.began >= not_before:
            return self.current
        with anyio.move_on_after(self.limits.patience_seconds) as scope:
            await self._drains.wait(not_before, until_announced=may_be_incomplete)
        version = (may_be_incomplete and self._announced) or self.current
        if scope.cancelled_caught or version is None:
            raise EngineSlow
        return version

    def knows_what_followed(self, version: Version) -> bool:
        """Whether the journal knows all that changed after a version; if not, a drain is made."""
        is_known = self.journal.since(version.epoch, Place(version.revision)) is not None
        if not is_known:
            self._drains.request()
        return is_known

    def is_to_come(self, epoch: str, revision: int) -> bool:
        """Whether a revision was announced, so that lists may tell of it, and is not there yet."""
        announced = self._announced
        return announced is not None and (announced.epoch, announced.revision) == (epoch, revision)

    async def announced_is_made(self) -> None:
        """Wait, as long as the patience lasts, until nothing is announced that is still to come."""
        with anyio.move_on_after(self.limits.patience_seconds):
            await self._drains.ended()

    async def counts(self, max_age: float) -> tuple[Version, Counts]:
        """A version no older than `max_age` seconds, and the counts of its contexts.

        Raises:
            EngineError, EngineSlow: as for `fresh`.
        """
        await self.fresh(max_age)
        if self.contents is None:
            raise EngineSlow
        edition = self.contents.edition
        return edition.version, edition.counts

    async def _drain(self) -> None:
        async with self._writing:
            await self._drain_alone()

    async def _drain_alone(self) -> None:
        began, at = self._clock(), datetime.now(UTC)
        try:
            edition, incarnation = await anyio.to_thread.run_sync(
                self._read_next, at, began, abandon_on_cancel=True, limiter=self._one_thread
            )
        except DrainAborted:
            raise
        except Exception as error:
            before = self.contact and self.contact.error
            self._made_contact(at, began, 0, error)
            if str(before) != str(error):  # the same every two seconds would fill the log
                log.warning(
                    "drain_failed", error=str(error), exc_info=not isinstance(error, EngineError)
                )
            if self._announced is not None:
                self.holds.drop(self._announced)
                self._incarnation = None  # its revision was told, and is no other version's
            raise
        finally:
            self._announced = None
        self._incarnation = incarnation
        self._publish(edition)
        if self.contact is not None and self.contact.error is not None:
            log.info("engine_answers_again", contexts=len(edition.version.ids))
        self._made_contact(at, began, len(edition.version.ids), None)

    def _made_contact(
        self, at: datetime, began: float, count: int, error: Exception | None
    ) -> None:
        self.contact = Contact(at, began, self._clock() - began, count, error)
        self.on_contact(self.contact)

    def _read_next(self, at: datetime, began: float) -> tuple[Edition, int]:
        """In a thread: what follows on the newest edition, and the incarnation that gave it.

        A new epoch begins where the session was opened anew: the engine may
        have restarted, and ids of before mean nothing.
        """
        begun = 0

        def begin(incarnation: int) -> Assembly:
            nonlocal begun
            begun = incarnation
            previous = self.contents if incarnation == self._incarnation else None
            return Assembly(
                previous.edition.version.epoch if previous else secrets.token_hex(6),
                at,
                began,
                previous=previous,
                counts=self.kind.counts(),
                max_change_bytes=self.limits.journal_bytes,
            )

        edition = self._reader.read_all(begin, self._announce)
        if edition.changes is None:
            self._rekeys.forget()
        else:
            edition = edition._replace(changes=self._rekeys.join(edition.changes))
        return edition, begun

    def _announce(self, version: Version) -> None:
        """In a thread: let lists begin with the first contexts of a version."""

        def announce() -> None:
            self._announced = version
            self._drains.announce()

        anyio.from_thread.run_sync(announce)

    def _publish(self, edition: Edition) -> None:
        version = edition.version
        self.contents = Contents(edition)
        self.holds.complete(version)
        self.holds.expire()
        if edition.changes is None:
            self.journal.restart(version.epoch, version.revision)
        else:
            self.journal.record(version.revision, edition.changes)
        self.news.tell()  # without a change, too: some wait for the version itself

    async def _look(self, object_ids: list[int]) -> dict[int, Look]:
        """Take what there is of these contexts, unless they are of a run that is over.

        Returns:
            What that was; nothing where a drain is to see them.

        Raises:
            EngineError: the engine refused.
            DrainAborted: the server stops.
        """
        async with self._writing:
            contents = self.contents
            if contents is None:
                return {}  # the first drain sees them
            looks, incarnation = await anyio.to_thread.run_sync(
                self._reader.look,
                object_ids,
                abandon_on_cancel=True,
                limiter=self._one_thread,
            )
            if incarnation != self._incarnation:
                self._drains.request()
                return {}
            changes = contents.take(looks)
            if changes:
                self.journal.record(contents.revision, self._rekeys.join(changes))
                self.news.tell()
            return looks

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

    async def _let_go(self) -> None:
        """Let go of what was held long enough, as a drain would."""
        while True:
            await anyio.sleep(max(1.0, self.limits.snapshot_idle_seconds))
            self.holds.expire()

    def _next_contact(self) -> float:
        """When the engine is to be asked again, unless a client makes that happen sooner."""
        contact = self.contact
        if contact is None:
            return self._clock()
        pause = self.limits.retry_seconds if contact.error else self.limits.refresh_seconds
        return contact.began + max(pause, contact.seconds)

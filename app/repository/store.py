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

from app.repository.changes.journal import Journal, Position
from app.repository.changes.rekeys import RekeyCorrelator
from app.repository.counts import Counts
from app.repository.limits import StoreLimits
from app.repository.notifier import Notifier
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.incremental import IncrementalRefresher
from app.repository.refresh.reader import EngineReader
from app.repository.refresh.scheduler import RefreshScheduler, ShuttingDown
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.leases import SnapshotLeases
from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.state import CurrentState, PointRead, SnapshotBuild
from bindings.errors import EngineError


log = structlog.get_logger(__name__)


MAX_DIRTY_IDS: Final = 10_000
"""How many hints may wait; with more, a drain costs less than a look at each."""


class EngineTimedOut(Exception):
    """No drain ended within the store's patience."""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """The last time the store asked the engine.

    Attributes:
        started_at: when, in UTC.
        started: the same on the store's clock.
        seconds: how long it took.
        object_count: how many contexts it gave.
        error: what it answered instead; None where it answered well.
    """

    started_at: datetime
    started: float
    seconds: float
    object_count: int
    error: Exception | None


class Store:
    """Versions of all objects of a kind, and the walks through them. Belongs to one event loop.

    Attributes:
        kind: of what.
        state: what is known of the engine; None until it has answered once.
        last_refresh: the last time the engine was asked.
        incremental: at single contexts, where the engine gave a hint.
        notifier: of anything in the journal, and of the stop.
        on_refresh: is told each time that the engine was asked.
        stopping: set when the server stops, for what would go on for long.
    """

    def __init__(
        self,
        reader: EngineReader,
        limits: StoreLimits | None = None,
        *,
        dirty_ids: DirtyIds | None = None,
        is_periodic: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a store.

        Args:
            reader: reads the engine.
            limits: how long and how much is kept, and how often the engine is asked.
            dirty_ids: where others give hints; without, changes are found by comparison.
            is_periodic: whether the engine is asked now and then also when nobody wants
                to know, and hints are followed.
            clock: gives the time in seconds.
        """
        self.kind: Final = reader.kind
        self.limits: Final = limits or StoreLimits()
        self.state: CurrentState | None = None
        self.last_refresh: RefreshResult | None = None
        self.on_refresh: Callable[[RefreshResult], None] = lambda _contact: None
        self.stopping = anyio.Event()
        self.notifier = Notifier()
        self.journal = Journal(self.limits.journal_changes, self.limits.journal_bytes)
        self.leases = SnapshotLeases(
            idle_seconds=self.limits.snapshot_idle_seconds,
            max_seconds=self.limits.snapshot_max_seconds,
            max_count=self.limits.snapshot_count,
            max_bytes=self.limits.snapshot_bytes,
            clock=clock,
        )
        self._reader = reader
        self._is_periodic = is_periodic
        self._clock = clock
        self._incarnation: int | None = None
        self._partial: Snapshot | None = None
        self._rekeys = RekeyCorrelator(self.kind.negotiations, clock)
        self._writing = anyio.Lock()
        self._one_thread = anyio.CapacityLimiter(1)  # never short of one, whatever requests do
        self._scheduler = RefreshScheduler(
            self._refresh, min_interval=self.limits.minimum_interval_seconds, clock=clock
        )
        self.incremental = IncrementalRefresher(
            dirty_ids or DirtyIds(MAX_DIRTY_IDS),
            self.limits,
            self._refresh_points,
            self._scheduler.request,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Drain when asked to and, to stay in contact, often enough to know that it answers.

        A thread that reads the engine at the end is left to itself; see `stop` and `idle`.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._scheduler.run)
            for task in self._tasks():
                tasks.start_soon(task)
            yield
            self.stop()
            tasks.cancel_scope.cancel()

    def _tasks(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What goes on beside the drains."""
        if self._is_periodic:
            return self._refresh_periodically, self.incremental.run, self.notifier.tick
        return (self._expire_leases,)

    def stop(self) -> None:
        """Let go of all who wait for a drain; no other drain begins."""
        self.stopping.set()
        self.notifier.notify_all()
        self._reader.stop()
        self._scheduler.stop()

    async def idle(self) -> None:
        """Wait until nothing reads the engine for it."""
        async with self._one_thread:
            pass

    @property
    def is_ready(self) -> bool:
        """Whether the last contact with the engine succeeded, and not too long ago."""
        contact = self.last_refresh
        if contact is None or contact.error is not None:
            return False
        return self._clock() - contact.started <= self.limits.ready_seconds

    @property
    def current(self) -> Snapshot | None:
        """The newest version; None until the engine has answered once."""
        return None if self.state is None else self.state.build.snapshot

    async def snapshot_at_most(self, max_age: float, *, may_be_partial: bool = False) -> Snapshot:
        """A version whose drain began at most `max_age` seconds ago.

        Args:
            max_age: in seconds.
            may_be_partial: whether its first contexts will do.

        Raises:
            EngineError: the engine refused the drain that was waited for.
            EngineTimedOut: no drain ended in time.
        """
        not_before = self._clock() - max_age
        if self.current is not None and self.current.began >= not_before:
            return self.current
        with anyio.move_on_after(self.limits.patience_seconds) as scope:
            await self._scheduler.wait(not_before, until_partial=may_be_partial)
        version = (may_be_partial and self._partial) or self.current
        if scope.cancelled_caught or version is None:
            raise EngineTimedOut
        return version

    def journal_covers(self, version: Snapshot) -> bool:
        """Whether the journal knows all that changed after a version; if not, a drain is made."""
        is_known = self.journal.changes_after(version.epoch, Position(version.revision)) is not None
        if not is_known:
            self._scheduler.request()
        return is_known

    def is_pending(self, epoch: str, revision: int) -> bool:
        """Whether a revision was announced, so that lists may tell of it, and is not there yet."""
        announced = self._partial
        return announced is not None and (announced.epoch, announced.revision) == (epoch, revision)

    async def wait_until_complete(self) -> None:
        """Wait, as long as the patience lasts, until nothing is announced that is still to come."""
        with anyio.move_on_after(self.limits.patience_seconds):
            await self._scheduler.wait_until_idle()

    async def counts(self, max_age: float) -> tuple[Snapshot, Counts]:
        """A version no older than `max_age` seconds, and the counts of its contexts.

        Raises:
            EngineError, EngineTimedOut: as for `fresh`.
        """
        await self.snapshot_at_most(max_age)
        if self.state is None:
            raise EngineTimedOut
        edition = self.state.build
        return edition.snapshot, edition.counts

    async def _refresh(self) -> None:
        async with self._writing:
            await self._refresh_locked()

    async def _refresh_locked(self) -> None:
        began, at = self._clock(), datetime.now(UTC)
        try:
            edition, incarnation = await anyio.to_thread.run_sync(
                self._read_next, at, began, abandon_on_cancel=True, limiter=self._one_thread
            )
        except ShuttingDown:
            raise
        except Exception as error:
            before = self.last_refresh and self.last_refresh.error
            self._record_result(at, began, 0, error)
            if str(before) != str(error):  # the same every two seconds would fill the log
                log.warning(
                    "drain_failed", error=str(error), exc_info=not isinstance(error, EngineError)
                )
            if self._partial is not None:
                self.leases.drop(self._partial)
                self._incarnation = None  # its revision was told, and is no other version's
            raise
        finally:
            self._partial = None
        self._incarnation = incarnation
        self._publish(edition)
        if self.last_refresh is not None and self.last_refresh.error is not None:
            log.info("engine_answers_again", contexts=len(edition.snapshot.ids))
        self._record_result(at, began, len(edition.snapshot.ids), None)

    def _record_result(
        self, at: datetime, began: float, count: int, error: Exception | None
    ) -> None:
        self.last_refresh = RefreshResult(at, began, self._clock() - began, count, error)
        self.on_refresh(self.last_refresh)

    def _read_next(self, at: datetime, began: float) -> tuple[SnapshotBuild, int]:
        """In a thread: what follows on the newest edition, and the incarnation that gave it.

        A new epoch begins where the session was opened anew: the engine may
        have restarted, and ids of before mean nothing.
        """
        begun = 0

        def begin(incarnation: int) -> SnapshotBuilder:
            nonlocal begun
            begun = incarnation
            previous = self.state if incarnation == self._incarnation else None
            return SnapshotBuilder(
                previous.build.snapshot.epoch if previous else secrets.token_hex(6),
                at,
                began,
                previous=previous,
                counts=self.kind.counts(),
                max_change_bytes=self.limits.journal_bytes,
            )

        edition = self._reader.read_all(begin, self._publish_partial)
        if edition.changes is None:
            self._rekeys.reset()
        else:
            edition = edition._replace(changes=self._rekeys.correlate(edition.changes))
        return edition, begun

    def _publish_partial(self, version: Snapshot) -> None:
        """In a thread: let lists begin with the first contexts of a version."""

        def announce() -> None:
            self._partial = version
            self._scheduler.publish_partial()

        anyio.from_thread.run_sync(announce)

    def _publish(self, edition: SnapshotBuild) -> None:
        version = edition.snapshot
        self.state = CurrentState(edition)
        self.leases.replace_partial(version)
        self.leases.expire()
        if edition.changes is None:
            self.journal.restart(version.epoch, version.revision)
        else:
            self.journal.record(version.revision, edition.changes)
        self.notifier.notify_all()  # without a change, too: some wait for the version itself

    async def _refresh_points(self, object_ids: list[int]) -> dict[int, PointRead]:
        """Take what there is of these contexts, unless they are of a run that is over.

        Returns:
            What that was; nothing where a drain is to see them.

        Raises:
            EngineError: the engine refused.
            ShuttingDown: the server stops.
        """
        async with self._writing:
            contents = self.state
            if contents is None:
                return {}  # the first drain sees them
            looks, incarnation = await anyio.to_thread.run_sync(
                self._reader.read_points,
                object_ids,
                abandon_on_cancel=True,
                limiter=self._one_thread,
            )
            if incarnation != self._incarnation:
                self._scheduler.request()
                return {}
            changes = contents.apply(looks)
            if changes:
                self.journal.record(contents.revision, self._rekeys.correlate(changes))
                self.notifier.notify_all()
            return looks

    async def _refresh_periodically(self) -> None:
        while True:
            try:
                await self._scheduler.wait(self._clock())
            except ShuttingDown:
                return
            except Exception:  # noqa: BLE001, S110  # logged where it was raised
                pass
            while (due := self._next_refresh() - self._clock()) > 0:  # noqa: ASYNC110  # it moves
                await anyio.sleep(due)

    async def _expire_leases(self) -> None:
        """Let go of what was held long enough, as a drain would."""
        while True:
            await anyio.sleep(max(1.0, self.limits.snapshot_idle_seconds))
            self.leases.expire()

    def _next_refresh(self) -> float:
        """When the engine is to be asked again, unless a client makes that happen sooner."""
        contact = self.last_refresh
        if contact is None:
            return self._clock()
        pause = self.limits.retry_seconds if contact.error else self.limits.refresh_seconds
        return contact.started + max(pause, contact.seconds)

"""The store: snapshots of one resource, kept current by reading the engine.

How it stays current: a refresh reads all objects and publishes a snapshot. A point
refresh reads only the objects that the engine reported as changed. They never run at
the same time, and both record changes in the journal. A thread reads the engine, builds
the snapshot and correlates rekeys. All other state of the store changes only in the
event loop.

An unfiltered list does not wait until all objects are decoded: after the enumeration,
all ids are known, and the first objects are published as a partial snapshot.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

import anyio
import anyio.from_thread
import anyio.to_thread
import structlog

from app.repository.changes.endings import EndRecorder, Moment, NoEndRecorder
from app.repository.changes.journal import Journal, Position
from app.repository.changes.rekeys import RekeyCorrelator
from app.repository.counts import Counts
from app.repository.limits import StoreLimits
from app.repository.notifier import Notifier
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.incremental import IncrementalRefresher
from app.repository.refresh.reader import EngineReader
from app.repository.refresh.result import RefreshResult
from app.repository.refresh.scheduler import RefreshScheduler, ShuttingDown
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.leases import SnapshotLeases
from app.repository.snapshot.model import Change, Snapshot
from app.repository.snapshot.state import CurrentState, PointRead, SnapshotBuild
from bindings.engine import Basis
from bindings.errors import EngineBusy, EngineError


log = structlog.get_logger(__name__)


MAX_DIRTY_IDS: Final = 10_000
"""Maximum number of queued dirty ids; for more, a refresh costs less than point refreshes."""


class EngineTimedOut(Exception):
    """The engine did not answer in time."""


class Store:
    """The snapshots and the journal of one resource. Belongs to one event loop.

    Attributes:
        kind: the resource.
        limits: refresh intervals and retention.
        state: the newest snapshot and later changes; None before the first successful refresh
            and after `discard_if_outdated` has discarded it.
        last_refresh: the result of the last refresh; None before the first.
        incremental: runs the point refreshes.
        journal: the recent changes.
        leases: the snapshots kept for clients.
        notifier: notifies after each refresh, after each point refresh that found a change, and
            at shutdown.
        on_refresh: called with the result of each refresh.
        end_recorder: explains why objects ended.
        stopping: set at shutdown, so that long-running work can end.
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
        """Create a store without a snapshot.

        Args:
            reader: reads the engine.
            limits: refresh intervals and retention.
            dirty_ids: ids that the engine reports; without them, only refreshes find changes.
            is_periodic: whether to refresh regularly without requests, and to read dirty ids.
            clock: returns seconds.
        """
        self.kind: Final = reader.kind
        self.limits: Final = limits or StoreLimits()
        self.state: CurrentState | None = None
        self.last_refresh: RefreshResult | None = None
        self.on_refresh: Callable[[RefreshResult], None] = lambda _result: None
        self.end_recorder: EndRecorder = NoEndRecorder()
        self.stopping = anyio.Event()
        self.notifier = Notifier()
        self.journal = Journal(self.limits.max_journal_changes, self.limits.max_journal_bytes)
        self.leases = SnapshotLeases(
            idle_timeout_seconds=self.limits.snapshot_idle_timeout_seconds,
            max_seconds=self.limits.max_snapshot_seconds,
            max_count=self.limits.max_snapshots,
            max_bytes=self.limits.max_snapshot_bytes,
            clock=clock,
        )
        self._reader = reader
        self._is_periodic = is_periodic
        self.clock = clock
        self._basis: Basis | None = None
        self._state_basis: Basis | None = None
        self._partial: Snapshot | None = None
        self._rekeys = RekeyCorrelator(self.kind.negotiations, clock)
        self._write_lock = anyio.Lock()
        self._own_thread = anyio.CapacityLimiter(1)  # requests cannot exhaust it
        self._scheduler = RefreshScheduler(
            self._refresh, min_interval=self.limits.refresh_min_interval_seconds, clock=clock
        )
        self.incremental = IncrementalRefresher(
            dirty_ids or DirtyIds(MAX_DIRTY_IDS),
            self.limits,
            self._refresh_points,
            self._scheduler.request,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Refresh on request and, if periodic, regularly, for the duration of the block.

        A thread that is still reading the engine at the end is abandoned; `idle` waits for it.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._scheduler.run)
            if self._is_periodic:
                tasks.start_soon(self._refresh_periodically)
                tasks.start_soon(self.incremental.run)
            else:
                tasks.start_soon(self._expire_leases)
            yield
            self.stop()
            tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Wake all waiters, end a running read at its next object, and start no further refresh."""
        self.stopping.set()
        self.notifier.notify_all()
        self._reader.stop()
        self._scheduler.stop()

    async def idle(self) -> None:
        """Wait until no thread of the store reads the engine."""
        async with self._own_thread:
            pass

    @property
    def is_ready(self) -> bool:
        """Whether the last refresh succeeded and started recently enough."""
        result = self.last_refresh
        oldest = self.clock() - self.limits.ready_max_age_seconds
        return result is not None and result.succeeded_since(oldest)

    @property
    def current(self) -> Snapshot | None:
        """The newest snapshot; None if `state` is None."""
        return None if self.state is None else self.state.build.snapshot

    async def snapshot_at_most(self, max_age: float, *, may_be_partial: bool = False) -> Snapshot:
        """Return a snapshot whose refresh started at most `max_age` seconds before this call.

        If there is none, wait for a refresh.

        Args:
            max_age: in seconds.
            may_be_partial: whether a partial snapshot is acceptable.

        Raises:
            EngineError, EngineBusy: the refresh failed.
            EngineTimedOut: no refresh finished in time.
            ShuttingDown: the server is stopping.
        """
        not_before = self.clock() - max_age
        if self.current is not None and self.current.started >= not_before:
            seconds_left = self.current.started - not_before
            if self.last_refresh and self.last_refresh.next_would_be_late(seconds_left, max_age):
                self._scheduler.request_if_idle()
            return self.current
        with anyio.move_on_after(self.limits.engine_timeout_seconds) as scope:
            await self._scheduler.wait(not_before, until_partial=may_be_partial)
        snapshot = (may_be_partial and self._partial) or self.current
        if scope.cancelled_caught or snapshot is None:
            raise EngineTimedOut
        return snapshot

    def discard_if_outdated(self) -> None:
        """Discard all snapshots if they were read in an IPv6 byte order that is no longer in force.

        A periodic store then refreshes at once, any other at the next request.
        """
        if self._basis is not None and not self._reader.is_current(self._basis):
            self.leases.drop_all()
            self.state = self._basis = None
            if self._is_periodic:
                self._scheduler.request()

    def journal_covers(self, snapshot: Snapshot) -> bool:
        """Return whether the journal has all changes since a snapshot; request a refresh if not."""
        position = Position(snapshot.revision)
        is_covered = self.journal.changes_after(snapshot.epoch, position) is not None
        if not is_covered:
            self._scheduler.request()
        return is_covered

    def is_pending(self, epoch: str, revision: int) -> bool:
        """Return whether only a partial snapshot of this revision is published so far."""
        partial = self._partial
        return partial is not None and (partial.epoch, partial.revision) == (epoch, revision)

    async def wait_until_complete(self) -> None:
        """Wait until the running refresh, if any, ends, but no longer than the engine timeout."""
        with anyio.move_on_after(self.limits.engine_timeout_seconds):
            await self._scheduler.wait_until_idle()

    async def counts(self, max_age: float) -> tuple[Snapshot, Counts]:
        """Return a snapshot at most `max_age` seconds old, and the counts of its objects.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for `snapshot_at_most`.
        """
        await self.snapshot_at_most(max_age)
        if self.state is None:
            raise EngineTimedOut
        build = self.state.build
        return build.snapshot, build.counts

    async def _refresh(self) -> None:
        async with self._write_lock:
            await self._refresh_locked()

    async def _refresh_locked(self) -> None:
        started, started_at = self.clock(), datetime.now(UTC)
        try:
            while True:
                build, basis, time = await anyio.to_thread.run_sync(
                    self._read_all,
                    started_at,
                    started,
                    abandon_on_cancel=True,
                    limiter=self._own_thread,
                )
                if self._reader.is_current(basis):
                    break  # otherwise the byte order changed during the read: read again
        except ShuttingDown:
            raise
        except Exception as error:
            last_error = self.last_refresh and self.last_refresh.error
            self._record_result(started_at, started, 0, error)
            if str(last_error) != str(error):  # log a lasting failure once, not at each retry
                log.warning(
                    "refresh_failed",
                    error=str(error),
                    exc_info=not isinstance(error, EngineError | EngineBusy),
                )
            if self._partial is not None:
                self.leases.drop(self._partial)
                self._basis = None  # clients have seen its revision: begin a new epoch
            self.notifier.notify_all()  # waiters also check the byte order, which may have changed
            raise
        finally:
            pending, self._partial = self._partial, None
        if pending is not None and pending.epoch != build.snapshot.epoch:
            self.leases.drop(pending)  # it will never become complete
        if self._basis is not None and self._basis.ipv6_order is not basis.ipv6_order:
            self.leases.drop_all()  # their IPv6 addresses are wrong
        self._basis = self._state_basis = basis
        self._publish(build, time)
        if self.last_refresh is not None and self.last_refresh.error is not None:
            log.info("engine_recovered", objects=len(build.snapshot.ids))
        self._record_result(started_at, started, len(build.snapshot.ids), None)

    def _record_result(
        self, started_at: datetime, started: float, object_count: int, error: Exception | None
    ) -> None:
        seconds = self.clock() - started
        self.last_refresh = RefreshResult(started_at, started, seconds, object_count, error)
        self.on_refresh(self.last_refresh)

    def _read_all(
        self, started_at: datetime, started: float
    ) -> tuple[SnapshotBuild, Basis, datetime]:
        """Read all objects; return the next build, its basis and the time. Runs in a thread."""
        build, basis = self._reader.read_all(
            partial(self._start_build, started_at, started),
            lambda snapshot: anyio.from_thread.run_sync(self._publish_partial, snapshot),
        )
        moment = self._now()
        if build.changes is None:
            self._rekeys.reset()
            self._restart_ends(build.snapshot, basis, moment)
        else:
            build = build._replace(changes=self._explained(self.state, build.changes, moment))
        return build, basis, moment.time

    def _now(self) -> Moment:
        return Moment(datetime.now(UTC), self.clock())

    def _explained(
        self, before: CurrentState | None, changes: tuple[Change, ...], moment: Moment
    ) -> tuple[Change, ...]:
        """Return changes with their rekeys and endings. Runs in a thread.

        Args:
            before: the state before the changes; if there is none, there are no changes.
            changes: the changes of one revision.
            moment: when the server learnt of them.
        """
        if before is None or not changes:
            return changes
        return self.end_recorder.explain(self._rekeys.correlate(changes), before.item, moment)

    def _restart_ends(self, snapshot: Snapshot, basis: Basis, moment: Moment) -> None:
        """Give the end recorder a snapshot whose changes are not known one by one."""
        known = self._state_basis
        is_comparable = known is not None and known.ipv6_order is basis.ipv6_order
        self.end_recorder.restart(
            self.state if is_comparable else None,
            snapshot,
            moment,
            is_new_session=known is None or known.incarnation != basis.incarnation,
        )

    def _start_build(self, started_at: datetime, started: float, basis: Basis) -> SnapshotBuilder:
        """Create the builder of a refresh.

        A new basis starts a new epoch. If the session is new, the engine may have restarted, and
        earlier ids may be meaningless. If the byte order is new, earlier addresses are wrong.
        """
        previous = self.state if basis == self._basis else None
        return SnapshotBuilder(
            previous.build.snapshot.epoch if previous else secrets.token_hex(6),
            started_at,
            started,
            previous=previous,
            counts=self.kind.counts(),
            max_change_bytes=self.limits.max_journal_bytes,
        )

    def _publish_partial(self, snapshot: Snapshot) -> None:
        """Publish a partial snapshot, with which lists can begin."""
        if self._partial is not None:
            self.leases.drop(self._partial)
        self._partial = snapshot
        self._scheduler.publish_partial()

    def _publish(self, build: SnapshotBuild, time: datetime) -> None:
        snapshot = build.snapshot
        self.state = CurrentState(build)
        self.leases.replace_partial(snapshot)
        self.leases.expire()
        if build.changes is None:
            self.journal.restart(snapshot.epoch, snapshot.revision)
        else:
            self.journal.record(snapshot.revision, build.changes, time)
        self.notifier.notify_all()  # even without changes: some waiters need the new snapshot

    async def _refresh_points(self, object_ids: list[int]) -> dict[int, PointRead]:
        """Read some objects, apply their changes, and return the reads by id.

        Returns:
            The reads; empty if a full refresh will cover these objects, because there is no
            current state or the basis has changed.

        Raises:
            EngineError: the engine failed.
            EngineBusy: another thread held the session for too long.
            ShuttingDown: the server is stopping.
        """
        async with self._write_lock:
            state = self.state
            if state is None:
                return {}
            read = await anyio.to_thread.run_sync(
                self._read_points,
                state,
                object_ids,
                abandon_on_cancel=True,
                limiter=self._own_thread,
            )
            if read is None or state is not self.state:
                self._scheduler.request()
                return {}
            point_reads, changes, time = read
            if changes:
                state.apply(changes, point_reads)
                self.journal.record(state.revision, changes, time)
                self.notifier.notify_all()
            return point_reads

    def _read_points(
        self, state: CurrentState, object_ids: list[int]
    ) -> tuple[dict[int, PointRead], tuple[Change, ...], datetime] | None:
        """Read some objects; return the reads, the changes since the state and the time.

        Return None if the basis has changed. Runs in a thread.
        """
        point_reads, basis = self._reader.read_points(object_ids)
        if basis != self._basis:
            return None
        moment = self._now()
        changes = self._explained(state, state.changes_of(point_reads), moment)
        return point_reads, changes, moment.time

    async def _refresh_periodically(self) -> None:
        while True:
            try:
                await self._scheduler.wait(self.clock())
            except ShuttingDown:
                return
            except Exception:  # noqa: BLE001, S110  # already logged
                pass
            # A refresh on request postpones the next periodic one.
            while (  # noqa: ASYNC110
                self.last_refresh is not None
                and (due := self.last_refresh.next_periodic(self.limits) - self.clock()) > 0
            ):
                await anyio.sleep(due)

    async def _expire_leases(self) -> None:
        """Expire leases regularly. Not needed in a periodic store, whose refreshes expire them."""
        while True:
            await anyio.sleep(max(1.0, self.limits.snapshot_idle_timeout_seconds))
            self.leases.expire()

"""The running part of peers: what keeps them up to date.

How they stay current: the changes of SA contexts are applied as soon as the store records them.
Main mode SAs and connections, whose changes the engine does not announce, are read when a request
needs them, and regularly as long as there are event streams and for some time after a request. Net
events are counted as they arrive.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from app.answers.background import run_on
from app.answers.peers.aggregate import Peers
from app.answers.peers.expected import names_by_peer
from app.answers.peers.failures import RECENT, reported_failure
from app.answers.peers.follower import Follower
from app.answers.peers.parts import PeerKey, peers_of_ike_sa
from app.answers.peers.store import PeerStore, Sources
from app.answers.peers.traffic import Sample
from app.answers.visible import Visible
from app.repository.limits import StoreLimits
from app.repository.query.cursors import Cursor
from app.repository.query.paginator import Paginator
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.model import Snapshot
from app.repository.store import EngineTimedOut
from app.resources.connections.kind import MONITORING, ConnectionKind
from app.resources.ike_sas.kind import IkeSaKind
from app.resources.net_events.buffer import EventId
from app.resources.net_events.collector import NetEventCollector
from app.resources.sa_contexts.description import packed_names_of
from app.resources.sa_contexts.index import remote_addresses
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.wfp.endpoints import packed_names_of_ends
from app.schemas.names import Monitoring, PeerState
from app.service import Foundation, Part, ResourceRuntime
from bindings.errors import EngineBusy, EngineError, NotSupported


DEMAND_SECONDS: Final = 600.0
"""How long after a request main mode SAs and connections are still read regularly."""
MAX_EVENTS: Final = 1000
"""Number of net events that are counted without a pause."""


class PeerPaginator(Paginator):
    """Pages of peers."""

    def _resume(self, cursor: Cursor) -> str | None:
        """Return None for a sorted list, whose order belongs to its snapshot."""
        return None if cursor.selection.texts().get("sort") else super()._resume(cursor)


class PeersPart(Part):
    """The peers of this host. Belongs to one event loop.

    Attributes:
        contexts: the SA contexts.
        ike_sas: the main mode SAs.
        connections: the connections.
        net_events: the net events.
        peers: the peers.
        sample: the newest traffic.
        sampled: the connections of the sample; None if they cannot be read.
    """

    def __init__(self, foundation: Foundation, parts: Mapping[Any, Part]) -> None:
        settings = foundation.settings
        self.contexts: Final = cast(ResourceRuntime, parts[SaContextKind])
        self.ike_sas: Final = cast(ResourceRuntime, parts[IkeSaKind])
        self.connections: Final = cast(ResourceRuntime, parts[ConnectionKind])
        self.net_events: Final = cast(NetEventCollector, parts[NetEventCollector])
        expected = settings.expected_peers or ()
        self.peers: Final = Peers(
            (each.packed for each in expected if not isinstance(each, str)),
            (each for each in expected if isinstance(each, str)),
        )
        self._followers: Final = (
            Follower(
                self.contexts.store,
                remote_addresses,
                self.peers.apply_contexts,
                self.peers.replace_contexts,
                partial(
                    names_by_peer, packed_names_of=packed_names_of, expected=self.peers.expected
                ),
            ),
            Follower(
                self.ike_sas.store,
                peers_of_ike_sa,
                self.peers.apply_ike_sas,
                self.peers.replace_ike_sas,
                partial(
                    names_by_peer,
                    packed_names_of=packed_names_of_ends,
                    expected=self.peers.expected,
                ),
            ),
        )
        limits = settings.limits(StoreLimits)
        self._views: Final = {
            store.sees_failures: Visible(store, PeerPaginator(store, foundation.capacity.filtering))
            for store in (
                PeerStore(self.peers, self.refresh, limits, sees_failures=sees_failures)
                for sees_failures in (False, True)
            )
        }
        self._interval = settings.refresh_interval_seconds
        self._demanded_at = self._measured_at = float("-inf")
        self._marks: Final[list[Callable[[set[PeerKey]], None]]] = [
            view.store.mark for view in self._views.values()
        ]
        self._last_event: EventId | None = None
        self.sample = Sample()
        self.sampled: Snapshot | None = None
        self._sampling = anyio.Lock()

    def follow(self, mark: Callable[[set[PeerKey]], None]) -> None:
        """Call `mark` with the peers that have changed, whenever changes have been applied."""
        self._marks.append(mark)

    def view(self, *, sees_failures: bool) -> Visible[PeerStore]:
        """Return the peers for callers who may or may not see failures."""
        return self._views[sees_failures]

    def measure(self) -> Mapping[PeerState, int] | None:
        """Return the number of peers by state, at most a few intervals old; None if unknown.

        The call itself reads nothing. After it, peers are read regularly for some time.
        """
        self._demanded_at = self._measured_at = time.monotonic()
        store, contexts = self._views[True].store, self.contexts.store
        max_age = max(contexts.limits.ready_max_age_seconds, 2 * self._interval)
        is_recent = store.current is not None and (
            contexts.clock() - store.current.started <= max_age
        )
        return store.counts if is_recent and contexts.is_ready else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the peers up to date for the duration of the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_on, self._follow_contexts)
            tasks.start_soon(run_on, self._follow_failures)
            tasks.start_soon(run_on, self._read_while_in_demand)
            yield
            tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Wake all waiters."""
        for view in self._views.values():
            view.store.stop()

    async def refresh(self, max_age: float) -> Sources:
        """Bring the peers up to date; the sources are then at most `max_age` seconds old.

        Connections may be as old as the interval of periodic refreshes, unless `max_age` is 0.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: SA contexts or main mode SAs
                cannot be read.
        """
        self._demanded_at = time.monotonic()
        await self.contexts.store.snapshot_at_most(max_age)
        with suppress(NotSupported):
            await self.ike_sas.store.snapshot_at_most(max_age)
        await self._take_sample(max_age and max(max_age, self._interval))
        self.net_events.ingest()
        self._take_failures()
        return await self.catch_up()

    async def catch_up(self) -> Sources:
        """Apply all that is known, and return the sources.

        Raises:
            EngineTimedOut: the SA contexts have been discarded.
        """
        for follower in self._followers:
            await follower.catch_up()
        self.peers.expire_failures(datetime.now(UTC))
        self._mark_changed()
        contexts, ike_sas = self.contexts.store.current, self.ike_sas.store.current
        if contexts is None:
            raise EngineTimedOut
        oldest = min((contexts, ike_sas or contexts), key=lambda snapshot: snapshot.started)
        annotations = {MONITORING: Monitoring.UNKNOWN.value}
        for snapshot in (contexts, ike_sas, self.sampled):
            annotations |= {} if snapshot is None else snapshot.annotations
        return Sources(oldest.taken_at, oldest.started, self.sample, annotations)

    def _mark_changed(self) -> None:
        """Make the next publications look at the changed peers."""
        changed = self.peers.take_changed()
        for mark in self._marks:
            mark(changed)

    async def _take_sample(self, max_age: float) -> None:
        """Sample the connections, unless they were read before; without them, count no bytes."""
        async with self._sampling:
            try:
                snapshot = await self.connections.store.snapshot_at_most(max_age)
            except (EngineError, EngineBusy, EngineTimedOut):
                self.sample, self.sampled = Sample(), None
                return
            if snapshot is not self.sampled:
                self.sample = await anyio.to_thread.run_sync(Sample, snapshot, self.sample)
                self.sampled = snapshot

    async def _follow_contexts(self) -> None:
        notifier = self.contexts.store.notifier
        while True:
            await notifier.wait(self)
            await self._publish_watched()

    async def _read_while_in_demand(self) -> None:
        while True:
            await anyio.sleep(self._interval)
            is_recent = time.monotonic() - self._demanded_at < DEMAND_SECONDS
            if is_recent or any(view.feeds for view in self._views.values()):
                with suppress(EngineError, EngineBusy, EngineTimedOut, ShuttingDown):
                    await self.ike_sas.store.snapshot_at_most(self._interval / 2)
                    await self._take_sample(self._interval / 2)
                is_measured = time.monotonic() - self._measured_at < DEMAND_SECONDS
                await self._publish_watched(is_measured=is_measured)

    async def _publish_watched(self, *, is_measured: bool = False) -> None:
        """Apply all that is known, and publish it to event streams.

        Args:
            is_measured: whether to publish it for metrics, too; not with every change, which would
                cost more than the metrics are worth.
        """
        with suppress(EngineTimedOut):
            sources = await self.catch_up()
            for sees_failures, view in self._views.items():
                if view.feeds or (is_measured and sees_failures):
                    await view.store.publish(sources)

    async def _follow_failures(self) -> None:
        notifier = self.net_events.notifier
        while True:
            while self._take_failures():
                self._mark_changed()  # which bounds what accumulates while nobody asks
                if self._views[True].feeds:
                    await self._publish_watched()
                else:
                    await anyio.lowlevel.checkpoint()
            await notifier.wait(self)

    def _take_failures(self) -> bool:
        """Count the net events since the last call; return whether there were any."""
        buffer, now = self.net_events.buffer, datetime.now(UTC)
        if self._last_event is None or self._last_event.epoch != buffer.epoch:
            self.peers.clear_failures()  # their addresses may have been misread
            self._last_event = EventId(buffer.epoch, 0)
        events = buffer.after(self._last_event, MAX_EVENTS)
        for event in events:
            self._last_event = EventId(buffer.epoch, event.number)
            if event.remote_address is not None and now - event.time <= RECENT:
                failure = reported_failure(event, now)
                if failure is not None:
                    self.peers.add_failure(event.remote_address, failure)
        return bool(events)

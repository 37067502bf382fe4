"""Records a row of the history at the end of each minute, from running counts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import anyio
import structlog

from app.answers.background import run_on
from app.answers.history.rows import HistoryRows, Measured
from app.repository.store import Store
from app.resources.net_events.buffer import EventId
from app.resources.net_events.collector import NetEventCollector
from app.resources.net_events.names import Collection, SubscriptionState
from app.resources.sa_contexts.counts import counts_of
from app.resources.statistics.sampler import StatisticsSampler
from app.service import Part
from bindings.errors import EngineError


log = structlog.get_logger(__name__)

MINUTE: Final = 60


class Transferred(NamedTuple):
    """The engine's counts of the bytes that IPsec processed.

    Attributes:
        epoch: identifies the run of the engine in which they began at 0.
        inbound: the bytes received, in transport and in tunnel mode.
        outbound: the bytes sent, likewise.
    """

    epoch: str
    inbound: int
    outbound: int


class HistoryRecorder(Part):
    """Records the history of this host. Belongs to one event loop.

    A row costs one call of the engine, for the byte counts, and nothing for each context.

    Attributes:
        rows: the rows.
    """

    def __init__(
        self,
        contexts: Store,
        net_events: NetEventCollector,
        statistics: StatisticsSampler,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Create a recorder without rows.

        Args:
            contexts: the store of SA contexts.
            net_events: the failures.
            statistics: reads the byte counts.
            now: returns the seconds since 1970 UTC.
        """
        self.rows: Final = HistoryRows()
        self._contexts = contexts
        self._net_events = net_events
        self._statistics = statistics
        self._now = now
        self._events: EventId | None = None
        self._transferred: Transferred | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Record for the duration of the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_on, self._run)
            yield
            tasks.cancel_scope.cancel()

    async def _run(self) -> None:
        await self.measure()  # what the first row is compared with
        while True:
            minute = self._minute()
            while self._minute() == minute:  # noqa: ASYNC110  # sleeping may end early
                await anyio.sleep(MINUTE - self._now() % MINUTE)
            self.rows.add(self._minute(), await self.measure())

    def _minute(self) -> int:
        """Return the number of whole minutes since 1970 UTC, which jumps if the clock is set."""
        return int(self._now() // MINUTE)

    async def measure(self) -> Measured:
        """Return what is measured now, and since the last call."""
        before = self._transferred
        self._transferred = after = await self._read_bytes()
        grown: tuple[int | None, int | None] = (None, None)
        if before is not None and after is not None and before.epoch == after.epoch:
            grown = (after.inbound - before.inbound, after.outbound - before.outbound)
        failures = self._count_failures()
        store = self._contexts
        if store.state is None or not store.is_ready:
            return Measured(None, None, None, failures, *grown)
        counts = counts_of(store.state.counts)
        return Measured(
            counts.contexts, counts.by("protection"), counts.by("weakness"), failures, *grown
        )

    def _count_failures(self) -> int | None:
        """Return the number of net events since the last call; None if some may be missing."""
        source = self._net_events
        is_complete = (
            source.is_ready
            and source.subscription_state is SubscriptionState.ACTIVE
            and source.collection is not Collection.DISABLED
        )
        if is_complete:
            source.ingest()
        before = self._events
        self._events = after = source.buffer.newest if is_complete else None
        if before is None or after is None or before.epoch != after.epoch:
            return None
        return after.number - before.number

    async def _read_bytes(self) -> Transferred | None:
        try:
            sample = await self._statistics.ipsec_now()
        except Exception as error:  # noqa: BLE001  # the row shows that it is unknown
            if not isinstance(error, EngineError):
                log.debug("history_without_bytes", error=str(error))
            return None
        received = sample.counts.inbound_traffic_statistics
        sent = sample.counts.outbound_traffic_statistics
        return Transferred(
            sample.epoch,
            received.transport_byte_count + received.tunnel_byte_count,
            sent.transport_byte_count + sent.tunnel_byte_count,
        )

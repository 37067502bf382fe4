"""The engine's own counters, read at most once a second however many ask."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Generic, TypeVar

import anyio
import anyio.to_thread

from app.repository.deadlines import EngineDeadline
from app.service import Part
from bindings.engine import Engine
from bindings.statistics import IkeStatistics, IpsecStatistics


T = TypeVar("T")

MAX_AGE_SECONDS: Final = 1.0
"""How old an answer may be: nobody who polls or scrapes needs the engine asked more often."""


@dataclass(frozen=True, slots=True)
class Sample(Generic[T]):
    """What the engine had counted at a time.

    Attributes:
        at: when it was asked, in UTC.
        epoch: names the session that asked. The engine counts from 0 when it is started,
            and then no session goes on: within an epoch, a counter that is lower than before
            has begun again by its own width.
        counts: the counters.
    """

    at: datetime
    epoch: str
    counts: T


class StatisticsSampler(Part):
    """Reads counters through an engine. Belongs to one event loop.

    Attributes:
        clock: tells how old an answer is.
    """

    def __init__(
        self,
        engine: Engine,
        one_reader: anyio.CapacityLimiter,
        patience: EngineDeadline,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a reader.

        Args:
            engine: where from.
            one_reader: lets one thread at a time have the engine's session.
            patience: of those who ask.
            clock: see the attribute.
        """
        self._one_reader = one_reader
        self._patience = patience
        self.clock = clock
        self._incarnation = 0
        self._epoch = ""
        self._ipsec = _CachedSample(self, engine.ipsec_statistics)
        self._ike = _CachedSample(self, engine.ike_statistics)

    async def ipsec(self) -> Sample[IpsecStatistics]:
        """What was counted of SAs and packets.

        Raises:
            EngineError: the engine refused.
            EngineBusy, EngineTimedOut: it did not answer in time.
            ShuttingDown: the server stops.
        """
        return await self._patiently(self._ipsec)

    async def ike(self) -> Sample[IkeStatistics]:
        """What was counted of negotiations; errors as for `ipsec`.

        Raises:
            IkeextNotRunning: the service that negotiates does not run.
        """
        return await self._patiently(self._ike)

    async def _patiently(self, latest: _CachedSample[T]) -> Sample[T]:
        return await self._patience.run(partial(latest.get, self.clock))

    async def read(self, ask: Callable[[], tuple[int, T]]) -> Sample[T]:
        """Ask the engine, in a thread."""
        at = datetime.now(UTC)
        incarnation, counts = await anyio.to_thread.run_sync(
            ask, abandon_on_cancel=True, limiter=self._one_reader
        )
        if incarnation > self._incarnation:
            self._incarnation, self._epoch = incarnation, secrets.token_hex(6)
        return Sample(at, self._epoch, counts)


class _CachedSample(Generic[T]):
    """The latest reading of a kind, which all share who ask meanwhile."""

    def __init__(self, reader: StatisticsSampler, ask: Callable[[], tuple[int, T]]) -> None:
        self._reader = reader
        self._ask = ask
        self._one = anyio.Lock()
        self._began = float("-inf")
        self._reading: Sample[T] | None = None

    async def get(self, clock: Callable[[], float]) -> Sample[T]:
        """The latest reading, where it is no older than `MAX_AGE_SECONDS`, or a new one."""
        async with self._one:
            began = clock()
            if self._reading is None or began - self._began >= MAX_AGE_SECONDS:
                self._reading = None  # what fails now is not answered with what was before
                self._reading = await self._reader.read(self._ask)
                self._began = began
            return self._reading

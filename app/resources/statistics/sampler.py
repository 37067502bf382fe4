"""Reads the engine's own counters, at most once a second; requests share samples."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Generic, TypeVar

import anyio

from app.repository.deadlines import EngineDeadline
from app.repository.engine_calls import EngineCalls
from app.service import Part
from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.statistics import IkeStatistics, IpsecStatistics


T = TypeVar("T")

RESOURCE: Final = "statistics"
"""The name in the notes of reads under way (`bindings.call_notes`)."""

MAX_AGE_SECONDS: Final = 1.0
"""Maximum age of a cached sample. Neither polling nor scraping needs newer values."""


@dataclass(frozen=True, slots=True)
class Sample(Generic[T]):
    """The engine's counters at one time.

    Attributes:
        at: time of the request for the counters, in UTC.
        epoch: identifies the session with the engine. A restart of the engine resets the
            counters and ends all sessions. An IPsec counter that decreases within an epoch has
            therefore wrapped around. An IKE counter that decreases within an epoch may instead
            have been reset by a restart of IKEEXT.
        counts: the counters.
    """

    at: datetime
    epoch: str
    counts: T


class StatisticsSampler(Part):
    """Reads and caches the engine's counters. Belongs to one event loop.

    Attributes:
        clock: monotonic clock in seconds, which determines the age of samples.
    """

    def __init__(
        self,
        engine: Engine,
        calls: EngineCalls,
        deadline: EngineDeadline,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a sampler.

        Args:
            engine: the engine to read.
            calls: makes the calls of the engine.
            deadline: limits the time that a request waits.
            clock: see the attribute.
        """
        self._calls = calls
        self._deadline = deadline
        self.clock = clock
        self._incarnation = 0
        self._epoch = ""
        self._ipsec = _CachedSample(self, engine.ipsec_statistics)
        self._ike = _CachedSample(self, engine.ike_statistics)

    async def ipsec(self) -> Sample[IpsecStatistics]:
        """Return the counters of SAs and packets.

        Raises:
            ResourceUnreadable: processes died reading the counters.
            EngineError: the call failed.
            EngineBusy: another thread used the engine's session for too long.
            EngineTimedOut: the engine did not answer in time.
            ShuttingDown: the server is stopping.
        """
        return await self._get(self._ipsec)

    async def ipsec_now(self) -> Sample[IpsecStatistics]:
        """Return the counters of SAs and packets, read for this call; errors as for `ipsec`."""
        return await self._deadline.run(partial(self.read, self._ipsec.call))

    async def ike(self) -> Sample[IkeStatistics]:
        """Return the counters of negotiations; errors as for `ipsec`.

        Raises:
            IkeextNotRunning: the IKEEXT service is not running.
        """
        return await self._get(self._ike)

    async def _get(self, cached: _CachedSample[T]) -> Sample[T]:
        return await self._deadline.run(partial(cached.get, self.clock))

    async def read(self, call: Callable[[], tuple[int, T]]) -> Sample[T]:
        """Call the engine.

        `call` must return the incarnation (`Engine.incarnation`) and the counters.
        """

        def noted() -> tuple[int, T]:
            with NOTES.reading(RESOURCE):
                return call()

        at = datetime.now(UTC)
        incarnation, counts = await self._calls.run(call, noted)
        if incarnation > self._incarnation:
            self._incarnation, self._epoch = incarnation, secrets.token_hex(6)
        return Sample(at, self._epoch, counts)


class _CachedSample(Generic[T]):
    """The latest sample of one function. Concurrent requests share one call (single-flight)."""

    def __init__(self, sampler: StatisticsSampler, call: Callable[[], tuple[int, T]]) -> None:
        self._sampler = sampler
        self.call: Final = call
        self._lock = anyio.Lock()
        self._started = float("-inf")
        self._sample: Sample[T] | None = None

    async def get(self, clock: Callable[[], float]) -> Sample[T]:
        """Return the latest sample if it is younger than `MAX_AGE_SECONDS`, or take a new one."""
        async with self._lock:
            started = clock()
            if self._sample is None or started - self._started >= MAX_AGE_SECONDS:
                self._sample = None  # if the call fails, do not keep the previous sample
                self._sample = await self._sampler.read(self.call)
                self._started = started
            return self._sample

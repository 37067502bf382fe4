"""The engine's own counters as metrics: of SAs, packets and negotiations, on the whole host.

They are sampled, for a scrape asks the engine nothing, and an overflow of 32 bits can only be told
from a beginning by who looks often enough.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeVar

import anyio
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from app.resources.statistics.counters import FAMILIES, CounterSample, ike_samples, ipsec_samples
from app.resources.statistics.sampler import Sample, StatisticsSampler
from app.resources.statistics.wraparound import WrapAwareCounter
from app.service import Service
from app.telemetry.metrics.registry import Sampler
from bindings.errors import EngineBusy, EngineError


log = structlog.get_logger(__name__)

T = TypeVar("T")


class StatisticsCollector(Collector):
    """The newest samples of both functions. Belongs to one event loop."""

    def __init__(self, reader: StatisticsSampler, interval_seconds: float) -> None:
        """Make one that samples when it runs, for the first time after an interval."""
        self._halves: Final = (
            _Half(reader.ipsec, ipsec_samples),
            _Half(reader.ike, ike_samples),
        )
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Sample until cancelled, or the server stops."""
        with suppress(ShuttingDown):
            while True:
                await anyio.sleep(self._interval_seconds)
                for half in self._halves:
                    await half.sample()

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics; they have values where the last sample succeeded."""
        families = {name: _family(name) for name in FAMILIES}
        for half in self._halves:
            for counted, number in half.values.items():
                families[counted.family].add_metric(counted.labels, number)
        yield from families.values()


def _family(name: str) -> GaugeMetricFamily | CounterMetricFamily:
    family = FAMILIES[name]
    if family.is_gauge:
        return GaugeMetricFamily(name, family.documentation, labels=family.labels)
    return CounterMetricFamily(name, family.documentation, labels=family.labels)


class _Series(NamedTuple):
    family: str
    labels: tuple[str, ...]


class _Half:
    """What one of the functions counts.

    Attributes:
        values: of each series; none where it is not known.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Sample[T]]],
        counted: Callable[[T], Iterable[CounterSample]],
    ) -> None:
        self.values: dict[_Series, int] = {}
        self._sample: Callable[[], Awaitable[tuple[str, list[CounterSample]]]] = partial(
            _sample, read, counted
        )
        self._unwound: dict[_Series, WrapAwareCounter] = {}
        self._epoch: str | None = None
        self._failure: str | None = None

    async def sample(self) -> None:
        """Ask once."""
        try:
            epoch, all_counted = await self._sample()
        except (EngineError, EngineBusy, EngineTimedOut) as error:
            self.values = {}
            if self._failure != str(error):
                log.warning("statistics_failed", error=str(error))
            self._failure = str(error)
            return
        self._failure = None
        is_new, self._epoch = epoch != self._epoch, epoch
        self.values = {
            (series := _Series(counted.family, counted.labels)): self._value(
                series, counted, is_new=is_new
            )
            for counted in all_counted
        }

    def _value(self, series: _Series, counted: CounterSample, *, is_new: bool) -> int:
        if FAMILIES[series.family].is_gauge or counted.is_wide:
            return counted.number
        unwound = self._unwound.setdefault(series, WrapAwareCounter())
        unwound.update(counted.number, is_new=is_new)
        return unwound.value


async def _sample(
    read: Callable[[], Awaitable[Sample[T]]], counted: Callable[[T], Iterable[CounterSample]]
) -> tuple[str, list[CounterSample]]:
    reading = await read()
    return reading.epoch, [*counted(reading.counts)]


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the engine's counters, sampled as often as the store is refreshed."""
    collector = StatisticsCollector(
        service.part(StatisticsSampler), service.settings.refresh_seconds
    )
    registry.register(collector)
    return (collector.run,)

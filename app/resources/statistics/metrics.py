"""The engine's own counters of SAs, packets and negotiations as metrics.

The counters are sampled periodically for two reasons: a scrape must not call the engine, and the
wraparound of a 32-bit counter can be distinguished from a restart only if samples are frequent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, NamedTuple, TypeVar

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
    """Samples and exports the statistics of IPsec and IKE. Belongs to one event loop."""

    def __init__(self, sampler: StatisticsSampler, interval_seconds: float) -> None:
        """Create a collector; `run` takes the first sample after one interval."""
        self._sources: Final[tuple[_Source[Any], ...]] = (
            _Source(sampler.ipsec, ipsec_samples),
            _Source(sampler.ike, ike_samples),
        )
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Sample until cancelled or the server stops."""
        with suppress(ShuttingDown):
            while True:
                await anyio.sleep(self._interval_seconds)
                for source in self._sources:
                    await source.sample()

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; without the values of a function whose last sample failed."""
        families = {name: _family(name) for name in FAMILIES}
        for source in self._sources:
            for series, value in source.values.items():
                families[series.family].add_metric(series.labels, value)
        yield from families.values()


def _family(name: str) -> GaugeMetricFamily | CounterMetricFamily:
    family = FAMILIES[name]
    if family.is_gauge:
        return GaugeMetricFamily(name, family.documentation, labels=family.labels)
    return CounterMetricFamily(name, family.documentation, labels=family.labels)


class _Series(NamedTuple):
    family: str
    labels: tuple[str, ...]


class _Source(Generic[T]):
    """The counters of one statistics function.

    Attributes:
        values: values by series; empty if the last sample failed or there is none yet.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Sample[T]]],
        samples_of: Callable[[T], Iterable[CounterSample]],
    ) -> None:
        self.values: dict[_Series, int] = {}
        self._read = read
        self._samples_of = samples_of
        self._counters: dict[_Series, WrapAwareCounter] = {}
        self._epoch: str | None = None
        self._failure: str | None = None

    async def sample(self) -> None:
        """Take one sample. Do not log the same failure twice in a row."""
        try:
            read = await self._read()
        except (EngineError, EngineBusy, EngineTimedOut) as error:
            self.values = {}
            if self._failure != str(error):
                log.warning("statistics_failed", error=str(error))
            self._failure = str(error)
            return
        self._failure = None
        is_new, self._epoch = read.epoch != self._epoch, read.epoch
        self.values = {
            (series := _Series(sample.family, sample.labels)): self._value(
                series, sample, is_new=is_new
            )
            for sample in self._samples_of(read.counts)
        }

    def _value(self, series: _Series, sample: CounterSample, *, is_new: bool) -> int:
        if FAMILIES[series.family].is_gauge or sample.is_wide:
            return sample.number
        counter = self._counters.setdefault(series, WrapAwareCounter())
        counter.update(sample.number, is_new=is_new)
        return counter.value


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the engine's counters, sampled at the refresh interval."""
    collector = StatisticsCollector(
        service.part(StatisticsSampler), service.settings.refresh_interval_seconds
    )
    registry.register(collector)
    return (collector.run,)

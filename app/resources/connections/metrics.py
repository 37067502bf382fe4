"""Optional metrics of the bytes that connections transfer, by their endpoints.

A Prometheus counter must not decrease, but a connection's byte count disappears with the
connection. Connections are therefore sampled periodically, and the growth of each connection's
byte count since the last sample is added to the counter of its endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import anyio
import anyio.to_thread
import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.repository.snapshot.model import Snapshot
from app.repository.store import Store
from app.resources.connections.kind import ConnectionKind
from app.service import Service
from app.telemetry.metrics.registry import Sampler


class Endpoints(NamedTuple):
    """The labels of a series. Connections with equal labels are counted together."""

    local: str
    peer: str
    traffic_type: str


class Transferred(NamedTuple):
    """Bytes in both directions."""

    inbound: int = 0
    outbound: int = 0

    def plus(self, other: Transferred) -> Transferred:
        """Return the sum."""
        return Transferred(self.inbound + other.inbound, self.outbound + other.outbound)

    def since(self, before: Transferred) -> Transferred:
        """Return the growth since `before`, or this whole count if either direction decreased."""
        if self.inbound < before.inbound or self.outbound < before.outbound:
            return self
        return Transferred(self.inbound - before.inbound, self.outbound - before.outbound)


OTHERS: Final = Endpoints("other", "other", "other")
"""The series for endpoints beyond the maximum."""


class ConnectionSample(NamedTuple):
    """A connection at the time of one sample.

    Attributes:
        identity: id and start time. The id alone is not enough, because it may be reused, for
            instance after a restart of the engine.
        ends: the labels of the connection's series.
        transferred: bytes since the connection started.
    """

    identity: tuple[str, str | None]
    ends: Endpoints
    transferred: Transferred


class EndpointCounts:
    """Bytes transferred by endpoints, accumulated over samples.

    Attributes:
        counts: bytes by endpoints, for at most `max_endpoints` of them and for `OTHERS`. The
            mapping is replaced, never changed, so that any thread may read it.
    """

    def __init__(self, max_endpoints: int) -> None:
        self.counts: Mapping[Endpoints, Transferred] = {OTHERS: Transferred()}
        self._max_endpoints = max_endpoints
        self._last: Mapping[tuple[str, str | None], Transferred] = {}

    def add_samples(self, samples: Iterable[ConnectionSample]) -> None:
        """Add the growth since the last call. `samples` must include all current connections."""
        current: dict[tuple[str, str | None], Transferred] = {}
        growth: dict[Endpoints, Transferred] = {}
        for identity, ends, transferred in samples:
            current[identity] = transferred
            grown = transferred.since(self._last.get(identity, Transferred()))
            growth[ends] = growth.get(ends, Transferred()).plus(grown)
        self._last = current
        counts = self._counts_with_series_for(growth)
        for ends, grown in growth.items():
            series = ends if ends in counts else OTHERS
            counts[series] = counts[series].plus(grown)
        self.counts = counts

    def _counts_with_series_for(
        self, growth: Mapping[Endpoints, Transferred]
    ) -> dict[Endpoints, Transferred]:
        """Return the counts, with new series for new endpoints.

        The endpoints with the largest growth get a series first. At the maximum, a new series
        replaces a series that no longer has connections.
        """
        counts = dict(self.counts)
        new = [ends for ends in growth if ends not in counts]
        evictable = [ends for ends in counts if ends not in growth and ends != OTHERS]
        for ends in sorted(new, key=lambda ends: sum(growth[ends]), reverse=True):
            if len(counts) > self._max_endpoints:
                if not evictable:
                    break
                del counts[evictable.pop(0)]
            counts[ends] = Transferred()
        return counts


class ConnectionCollector(Collector):
    """Samples and exports the bytes of connections. Belongs to the store's event loop."""

    def __init__(self, store: Store, max_endpoints: int, interval_seconds: float) -> None:
        """Create a collector; `run` takes the first sample after one interval.

        Args:
            store: the store of connections.
            max_endpoints: maximum number of series, apart from that of `OTHERS`.
            interval_seconds: time between two samples.
        """
        self._store = store
        self._endpoint_counts = EndpointCounts(max_endpoints)
        self._interval_seconds = interval_seconds
        self._connections: int | None = None

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            await anyio.sleep(self._interval_seconds)
            await self._sample()

    async def _sample(self) -> None:
        try:
            snapshot = await self._store.snapshot_at_most(0)
        except Exception:  # noqa: BLE001  # logged by the store; the next sample may succeed
            self._connections = None
            return
        await anyio.to_thread.run_sync(self._count, snapshot)
        self._connections = len(snapshot.ids)

    def _count(self, snapshot: Snapshot) -> None:
        """Count all connections. Runs in a worker thread, because there may be many thousands."""
        self._endpoint_counts.add_samples(
            _sample_of(orjson.loads(snapshot.blocks[index])) for index in range(len(snapshot.ids))
        )

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; without values unless the last sample succeeded."""
        yield GaugeMetricFamily("wfp_connections", "IPsec connections.", self._connections)
        family = CounterMetricFamily(
            "wfp_connection_bytes",
            "Bytes transferred by connections between these endpoints.",
            labels=(*Endpoints._fields, "direction"),
        )
        if self._connections is not None:
            for ends, transferred in self._endpoint_counts.counts.items():
                for direction, number in zip(Transferred._fields, transferred, strict=True):
                    family.add_metric((*ends, direction), number)
        yield family


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the metrics of connections if the settings enable them."""
    settings = service.settings
    if not settings.metrics_connections:
        return ()
    collector = ConnectionCollector(
        service.listed(ConnectionKind).store,
        settings.metrics_connections,
        settings.refresh_interval_seconds,
    )
    registry.register(collector)
    return (collector.run,)


def _sample_of(connection: Mapping[str, Any]) -> ConnectionSample:
    """Return a sample from a connection's JSON (`app.resources.connections.schema`)."""
    return ConnectionSample(
        (connection["connectionId"], connection["startSysTime"]),
        Endpoints(
            connection["localAddress"] or "",
            connection["remoteAddress"] or "",
            connection["ipsecTrafficModeType"],
        ),
        Transferred(
            int(connection["bytesTransferredIn"]),
            int(connection["bytesTransferredOut"]),
        ),
    )

"""What connections transfer, by their two ends, as metrics; where the settings ask for that.

Connections come and go, and what they have transferred goes with them; a counter must only rise.
So each is looked at again and again, and what it has more than before is added to its ends' count.
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
    """What connections have in common that are counted together; each field as a label."""

    local: str
    peer: str
    traffic_type: str


class Transferred(NamedTuple):
    """Bytes in both directions."""

    inbound: int = 0
    outbound: int = 0

    def plus(self, other: Transferred) -> Transferred:
        """The sum."""
        return Transferred(self.inbound + other.inbound, self.outbound + other.outbound)

    def since(self, before: Transferred) -> Transferred:
        """What was transferred since then; all of it, where the count has begun anew."""
        if self.inbound < before.inbound or self.outbound < before.outbound:
            return self
        return Transferred(self.inbound - before.inbound, self.outbound - before.outbound)


OTHERS: Final = Endpoints("other", "other", "other")
"""Those for which there is no room."""


class ConnectionSample(NamedTuple):
    """A connection as it was seen once.

    Attributes:
        identity: its id and its start; an id alone may come again, as after a restart.
        ends: between which it is.
        transferred: since it began.
    """

    identity: tuple[str, str | None]
    ends: Endpoints
    transferred: Transferred


class EndpointCounts:
    """Bytes of all connections that were seen, by their ends.

    Attributes:
        counts: for at most so many ends as there is room for, and `OTHERS`; replaced as a whole,
            so that who reads them need not be in the thread that adds to them.
    """

    def __init__(self, max_endpoints: int) -> None:
        """Make room for so many ends."""
        self.counts: Mapping[Endpoints, Transferred] = {OTHERS: Transferred()}
        self._most = max_endpoints
        self._seen: Mapping[tuple[str, str | None], Transferred] = {}

    def add_samples(self, looks: Iterable[ConnectionSample]) -> None:
        """Add what all connections that there are now have transferred since the last time."""
        seen: dict[tuple[str, str | None], Transferred] = {}
        more: dict[Endpoints, Transferred] = {}
        for identity, ends, transferred in looks:
            seen[identity] = transferred
            grown = transferred.since(self._seen.get(identity, Transferred()))
            more[ends] = more.get(ends, Transferred()).plus(grown)
        self._seen = seen
        counts = self._with_room_for(more)
        for ends, grown in more.items():
            place = ends if ends in counts else OTHERS
            counts[place] = counts[place].plus(grown)
        self.counts = counts

    def _with_room_for(self, more: Mapping[Endpoints, Transferred]) -> dict[Endpoints, Transferred]:
        """The counts, with new ones for the busiest; those end whose connections are all gone."""
        counts = dict(self.counts)
        new = [ends for ends in more if ends not in counts]
        free = [ends for ends in counts if ends not in more and ends != OTHERS]
        for ends in sorted(new, key=lambda ends: sum(more[ends]), reverse=True):
            if len(counts) > self._most:
                if not free:
                    break
                del counts[free.pop(0)]
            counts[ends] = Transferred()
        return counts


class ConnectionCollector(Collector):
    """The newest samples of the connections. Belongs to the event loop of their store."""

    def __init__(self, store: Store, max_endpoints: int, interval_seconds: float) -> None:
        """Make one that samples when it runs, for the first time after an interval.

        Args:
            store: of the connections.
            max_endpoints: how many different ends have a count of their own.
            interval_seconds: between two samples.
        """
        self._store = store
        self._counted = EndpointCounts(max_endpoints)
        self._interval_seconds = interval_seconds
        self._connections: int | None = None

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            await anyio.sleep(self._interval_seconds)
            await self._sample()

    async def _sample(self) -> None:
        try:
            version = await self._store.snapshot_at_most(0)
        except Exception:  # noqa: BLE001  # logged where it was raised; the next may succeed
            self._connections = None
            return
        await anyio.to_thread.run_sync(self._take, version)
        self._connections = len(version.ids)

    def _take(self, version: Snapshot) -> None:
        """In a thread, for there may be many thousands."""
        self._counted.add_samples(
            _sample_of(orjson.loads(version.blocks[at])) for at in range(len(version.ids))
        )

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics; they have values where the last sample succeeded."""
        yield GaugeMetricFamily("wfp_connections", "Connections.", self._connections)
        family = CounterMetricFamily(
            "wfp_connection_bytes",
            "Bytes that connections with these ends transferred.",
            labels=(*Endpoints._fields, "direction"),
        )
        if self._connections is not None:
            for ends, transferred in self._counted.counts.items():
                for direction, number in zip(Transferred._fields, transferred, strict=True):
                    family.add_metric((*ends, direction), number)
        yield family


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the bytes of connections, if the settings ask for them."""
    settings = service.settings
    if not settings.metrics_connections:
        return ()
    collector = ConnectionCollector(
        service.listed(ConnectionKind).store,
        settings.metrics_connections,
        settings.refresh_seconds,
    )
    registry.register(collector)
    return (collector.run,)


def _sample_of(connection: Mapping[str, Any]) -> ConnectionSample:
    """A connection, of its JSON (`app.resources.connections.schema`)."""
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

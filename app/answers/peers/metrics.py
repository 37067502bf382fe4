"""The metric of the peers of this host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answers.peers.part import PeersPart
from app.service import Service
from app.telemetry.metrics.registry import Sampler


class PeersCollector(Collector):
    """Exports the number of peers by state, as they were last published."""

    def __init__(self, peers: PeersPart) -> None:
        self._peers = peers

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, with a series for each state; without values if they are unknown."""
        family = GaugeMetricFamily("wfp_peers_by_state", "Peers, by state.", labels=["state"])
        counts = self._peers.measure()
        if counts is not None:
            for state, count in counts.items():
                family.add_metric([state.value], count)
        yield family


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the number of peers by state."""
    registry.register(PeersCollector(service.part(PeersPart)))
    return ()

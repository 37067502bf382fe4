"""The metric of tunnels, read from the published states during each scrape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answers.tunnels.part import TunnelsPart
from app.schemas.names import TunnelState
from app.service import Service
from app.telemetry.metrics.registry import Sampler


class TunnelCollector(Collector):
    """Exports the number of tunnels by state. Belongs to the part's event loop."""

    def __init__(self, tunnels: TunnelsPart) -> None:
        self._tunnels = tunnels

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge: a series for each state, or none if the engine could not be read."""
        family = GaugeMetricFamily("wfp_tunnels", "Configured tunnels, by state.", labels=["state"])
        if self._tunnels.is_ready:
            states = self._tunnels.view(sees_failures=True).store.states
            for state in TunnelState:
                family.add_metric([state.value], states[state])
        yield family


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the number of tunnels."""
    registry.register(TunnelCollector(service.part(TunnelsPart)))
    return ()

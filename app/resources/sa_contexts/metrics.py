"""Metrics of SA contexts, read from the store's running counts during each scrape.

Label values are the values of public enumerations and the addresses in `expected_peers`. The
number of series therefore does not depend on the number of contexts. While the engine answers,
every series exists, even at 0, so that Prometheus sees an increase from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.repository.store import Store
from app.resources.sa_contexts.counts import SaContextCounts, counts_of
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.wfp.addresses import address_text
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    KeyModule,
    PfsGroup,
    TrafficType,
    TransformType,
    Weakness,
)
from app.service import Service
from app.telemetry.metrics.registry import Sampler
from app.telemetry.metrics.states import EngineState, state_of


_FIELDS: Final[dict[str, tuple[type[StrEnum], str]]] = {
    "ip_version": (IpVersion, "with this IP version"),
    "traffic_type": (TrafficType, "with this traffic mode"),
    "transform_type": (TransformType, "with this transform type"),
    "cipher": (Cipher, "with this cipher"),
    "integrity": (Integrity, "with this integrity algorithm"),
    "pfs_group": (PfsGroup, "with this PFS group"),
    "key_module": (KeyModule, "negotiated by this keying module"),
    "weakness": (Weakness, "with this weakness"),
}
"""By field of a suite: the enumeration of label values, and the end of the metric's HELP text."""


_COUNTS: Final[dict[str, tuple[Callable[[SaContextCounts], int], str]]] = {
    "wfp_sa_contexts": (attrgetter("contexts"), "SA contexts."),
    "wfp_sa_contexts_without_sa": (
        attrgetter("without_sa"),
        "SA contexts without an SA: half-built or expired.",
    ),
    "wfp_sa_contexts_with_weakness": (
        attrgetter("with_weakness"),
        "SA contexts that have an SA with a weakness.",
    ),
    "wfp_peers": (attrgetter("peer_count"), "Different remote addresses of SA contexts."),
}


class SaContextCollector(Collector):
    """Exports the store's counts of SA contexts. Belongs to the store's event loop."""

    def __init__(self, store: Store, peers: Sequence[bytes]) -> None:
        """Create the collector.

        Args:
            store: the store of SA contexts.
            peers: packed remote addresses that get a series each.
        """
        self._store = store
        self._peers = tuple(peers)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; without values unless the engine's state is `READY`."""
        store = self._store
        state = store.state if state_of(store) is EngineState.READY else None
        counts = None if state is None else counts_of(state.counts)
        yield GaugeMetricFamily(
            "wfp_ikeext_up",
            "Whether the IKEEXT service is running; without it there are no contexts.",
            None if state is None else float("ikeext" not in state.build.snapshot.annotations),
        )
        for name, (count_of, documentation) in _COUNTS.items():
            count = None if counts is None else float(count_of(counts))
            yield GaugeMetricFamily(name, documentation, count)
        for field, (values, description) in _FIELDS.items():
            family = GaugeMetricFamily(
                f"wfp_sa_contexts_by_{field}",
                f"SA contexts that have an SA {description}.",
                labels=[field],
            )
            if counts is not None:
                contexts_by_value = counts.by(field)
                for value in values:
                    family.add_metric([value.value], contexts_by_value.get(value.value, 0))
            yield family
        if self._peers:
            yield _by_peer(counts, self._peers)


def _by_peer(counts: SaContextCounts | None, peers: tuple[bytes, ...]) -> Metric:
    """Return the metric with a series for each address in `peers` and one for all others."""
    family = GaugeMetricFamily(
        "wfp_sa_contexts_by_peer",
        "SA contexts that have an SA with this remote address; other: all addresses without a "
        "series.",
        labels=["peer"],
    )
    if counts is None:
        return family
    others = counts.with_peers
    for peer in peers:
        contexts = counts.with_peer(peer)
        others -= contexts
        family.add_metric([address_text(peer) or ""], contexts)
    family.add_metric(["other"], others)
    return family


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the counts of SA contexts."""
    expected = service.settings.expected_peers or ()
    peers = [peer.packed for peer in expected if not isinstance(peer, str)]
    registry.register(SaContextCollector(service.listed(SaContextKind).store, peers))
    return ()

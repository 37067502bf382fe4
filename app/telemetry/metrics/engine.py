"""The engine's SA contexts as metrics: running counts, as they are when they are asked for.

A label has only the words of an enumeration, so that there are as many series with a hundred
contexts as with a hundred thousand. Each word has its series from the beginning, at 0, so that a
rise from none to one is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from operator import attrgetter
from typing import Final

from prometheus_client.metrics_core import (
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.registry import Collector

from app.encoding.addresses import address_text
from app.repository.sa_context_counts import Counts
from app.repository.snapshot.state import Contents
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    PfsGroup,
    TrafficType,
    TransformType,
    Weakness,
)
from app.service import Service
from app.telemetry.metrics.states import EngineState, state_of


_WORDS: Final[dict[str, tuple[type[StrEnum], str]]] = {
    "ip_version": (IpVersion, "of this IP version"),
    "traffic_type": (TrafficType, "of this mode"),
    "transform_type": (TransformType, "that protects packets so"),
    "cipher": (Cipher, "that encrypts so"),
    "integrity": (Integrity, "that authenticates so"),
    "pfs_group": (PfsGroup, "with this group of perfect forward secrecy"),
    "weakness": (Weakness, "with this weakness"),
}
"""The fields that contexts are counted by: their words, and what an SA is that has one."""


_COUNTS: Final[dict[str, tuple[Callable[[Counts], int], str]]] = {
    "wfp_sa_contexts": (attrgetter("contexts"), "SA contexts."),
    "wfp_sa_contexts_without_sa": (
        attrgetter("without_sa"),
        "SA contexts that have no SA yet, or none any more.",
    ),
    "wfp_sa_contexts_with_weakness": (
        attrgetter("with_weakness"),
        "SA contexts that have an SA with a weakness.",
    ),
    "wfp_peers": (attrgetter("peer_count"), "Different remote addresses of SA contexts."),
}


class EngineCollector(Collector):
    """What the store knows of the engine. Belongs to the store's event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterable[Metric]:
        """None beforehand: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics; those of contexts have values while the engine answers."""
        service = self._service
        state = state_of(service.store)
        is_up = state is EngineState.READY
        yield _gauge("wfp_up", "Whether the last drain succeeded, not long ago.", is_up)
        yield StateSetMetricFamily(
            "wfp_state",
            "How the engine is: which of these is 1.",
            {each.value: each is state for each in EngineState},
        )
        yield InfoMetricFamily(
            "wfp_engine",
            "Whose contexts these are.",
            {"kind": service.library.kind.value, "host": service.host},
        )
        contents = service.store.contents
        yield _gauge(
            "wfp_last_drain_success_timestamp_seconds",
            "When the last drain began that succeeded.",
            None if contents is None else contents.edition.version.taken_at.timestamp(),
        )
        yield from self._of_contexts(contents if is_up else None)

    def _of_contexts(self, contents: Contents | None) -> Iterator[Metric]:
        counts = None if contents is None else contents.counts
        yield _gauge(
            "wfp_ikeext_up",
            "Whether the service IKEEXT runs; without it there are no contexts.",
            None if contents is None else "ikeext" not in contents.edition.version.remarks,
        )
        for name, (count_of, documentation) in _COUNTS.items():
            yield _gauge(name, documentation, None if counts is None else count_of(counts))
        for field, (words, that) in _WORDS.items():
            family = GaugeMetricFamily(
                f"wfp_sa_contexts_by_{field}",
                f"SA contexts that have an SA {that}.",
                labels=[field],
            )
            if counts is not None:
                counted = counts.by(field)
                for word in words:
                    family.add_metric([word.value], counted.get(word.value, 0))
            yield family
        if self._service.measured_peers:
            yield _by_peer(counts, self._service.measured_peers)


def _by_peer(counts: Counts | None, peers: tuple[bytes, ...]) -> Metric:
    """A series for each peer that is named in the settings, and one for all others."""
    family = GaugeMetricFamily(
        "wfp_sa_contexts_by_peer",
        "SA contexts that have an SA with this remote address; other: one that has no series.",
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


def _gauge(name: str, documentation: str, value: float | None) -> Metric:
    """A gauge, without a value where that is not known."""
    return GaugeMetricFamily(name, documentation, None if value is None else float(value))

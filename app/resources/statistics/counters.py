"""Maps the counters of IPsecGetStatistics1 and IkeextGetStatistics1 to Prometheus metrics.

A metric combines the fields of WFP's structs (ipsectypes.h, iketypes.h) that count the same thing
for different kinds of packets or negotiations. The metric's labels distinguish the fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from app.resources.wfp.failures import failure_of
from bindings.statistics import (
    IkeStatistics,
    IpsecStatistics,
    IpVersionSpecificKeymoduleStatistics,
    KeymoduleStatistics,
)
from bindings.winerror import name_of


class Family(NamedTuple):
    """A metric family.

    Attributes:
        documentation: HELP text.
        labels: label names.
        is_gauge: whether the metric is a gauge rather than a counter.
    """

    documentation: str
    labels: tuple[str, ...] = ()
    is_gauge: bool = False


_NEGOTIATION_LABELS: Final = ("module", "ip_version", "mode")

FAMILIES: Final[dict[str, Family]] = {
    "wfp_ipsec_active_sas": Family("Active SAs.", is_gauge=True),
    "wfp_ipsec_pending_negotiations": Family("SAs being negotiated.", is_gauge=True),
    "wfp_ipsec_active_tunnels": Family("Active tunnels.", is_gauge=True),
    "wfp_ipsec_offloaded_sas": Family("SAs offloaded to network adapters.", is_gauge=True),
    "wfp_ipsec_sas_added": Family("SAs added."),
    "wfp_ipsec_sas_deleted": Family("SAs deleted."),
    "wfp_ipsec_rekeys": Family("Rekeys that succeeded."),
    "wfp_ipsec_dropped_packets": Family("Inbound packets dropped, all protocols.", ("reason",)),
    "wfp_ipsec_esp_dropped_packets": Family("Inbound ESP packets dropped.", ("reason",)),
    "wfp_ipsec_ah_dropped_packets": Family("Inbound AH packets dropped.", ("reason",)),
    "wfp_ipsec_bytes": Family(
        "Bytes by kind of processing; a byte may count for several kinds.", ("direction", "kind")
    ),
    "wfp_ipsec_packets": Family("Packets processed successfully.", ("direction",)),
    "wfp_ike_active_negotiations": Family(
        "Negotiations in progress.", _NEGOTIATION_LABELS, is_gauge=True
    ),
    "wfp_ike_negotiations_started": Family("Negotiations started.", _NEGOTIATION_LABELS),
    "wfp_ike_negotiations_succeeded": Family("Negotiations that succeeded.", _NEGOTIATION_LABELS),
    "wfp_ike_negotiations_failed": Family("Negotiations that failed.", _NEGOTIATION_LABELS),
    "wfp_ike_acquires": Family(
        "Negotiations triggered by this host's traffic.", ("module", "ip_version")
    ),
    "wfp_ike_errors": Family(
        "Errors that negotiations ended with; only errors that occurred.", ("module", "error")
    ),
    "wfp_ike_packets_received": Family("IKE packets received."),
    "wfp_ike_invalid_packets_received": Family("Invalid IKE packets received."),
    "wfp_ike_queued_work_items": Family("Work items queued in IKEEXT.", is_gauge=True),
    "wfp_ike_socket_failures": Family(
        "Socket failures on receive or send.", ("ip_version", "direction")
    ),
}


class CounterSample(NamedTuple):
    """The value of one series.

    Attributes:
        family: name of the metric family, a key of `FAMILIES`.
        number: the value.
        labels: label values in the order of the family's label names.
        is_wide: whether the engine's counter has 64 bits rather than 32.
    """

    family: str
    number: int
    labels: tuple[str, ...] = ()
    is_wide: bool = False


def ipsec_samples(statistics: IpsecStatistics) -> Iterator[CounterSample]:
    """Yield the samples of the counters of SAs and packets."""
    sas = statistics.aggregate_sa_statistics
    yield CounterSample("wfp_ipsec_active_sas", sas.active_sas)
    yield CounterSample("wfp_ipsec_pending_negotiations", sas.pending_sa_negotiations)
    yield CounterSample("wfp_ipsec_active_tunnels", sas.active_tunnels)
    yield CounterSample("wfp_ipsec_offloaded_sas", sas.offloaded_sas)
    yield CounterSample("wfp_ipsec_sas_added", sas.total_sas_added)
    yield CounterSample("wfp_ipsec_sas_deleted", sas.total_sas_deleted)
    yield CounterSample("wfp_ipsec_rekeys", sas.successful_rekeys)
    for family, drops in (
        ("wfp_ipsec_dropped_packets", statistics.aggregate_drop_packet_statistics),
        ("wfp_ipsec_esp_dropped_packets", statistics.esp_drop_packet_statistics),
        ("wfp_ipsec_ah_dropped_packets", statistics.ah_drop_packet_statistics),
    ):
        for name, number in drops._asdict().items():
            if name != "total_drop_packets_inbound" and number is not None:
                reason = name.removesuffix("_inbound").removesuffix("_on")
                yield CounterSample(family, number, (reason,))
    for direction, traffic in (
        ("inbound", statistics.inbound_traffic_statistics),
        ("outbound", statistics.outbound_traffic_statistics),
    ):
        for name, number in traffic._asdict().items():
            if name.endswith("_byte_count"):
                kind = name.removesuffix("_byte_count")
                yield CounterSample("wfp_ipsec_bytes", number, (direction, kind), is_wide=True)
        packets = traffic.total_successful_packets
        if packets is not None:
            yield CounterSample("wfp_ipsec_packets", packets, (direction,), is_wide=True)


def ike_samples(statistics: IkeStatistics) -> Iterator[CounterSample]:
    """Yield the samples of the counters of negotiations and IKE packets."""
    yield from _of_module("ike", statistics.ike_statistics)
    yield from _of_module("authip", statistics.authip_statistics)
    if statistics.ike_v2_statistics is not None:
        yield from _of_module("ike_v2", statistics.ike_v2_statistics)
    common = statistics.common_statistics
    yield CounterSample("wfp_ike_packets_received", common.total_packets_received)
    yield CounterSample("wfp_ike_invalid_packets_received", common.total_invalid_packets_received)
    yield CounterSample("wfp_ike_queued_work_items", common.current_queued_workitems)
    for version, sockets in (("v4", common.v4_statistics), ("v6", common.v6_statistics)):
        received, sent = sockets.total_socket_receive_failures, sockets.total_socket_send_failures
        yield CounterSample("wfp_ike_socket_failures", received, (version, "receive"))
        yield CounterSample("wfp_ike_socket_failures", sent, (version, "send"))


def _of_module(module: str, statistics: KeymoduleStatistics) -> Iterator[CounterSample]:
    for version, counts in (("v4", statistics.v4_statistics), ("v6", statistics.v6_statistics)):
        yield CounterSample("wfp_ike_acquires", counts.total_acquires, (module, version))
        for family, mode, number in _negotiations(counts):
            yield CounterSample(family, number, (module, version, mode))
    for error, number in statistics.errors().items():
        failure = failure_of(error)
        yield CounterSample(
            "wfp_ike_errors", number, (module, failure.name if failure else name_of(error))
        )


def _negotiations(
    counts: IpVersionSpecificKeymoduleStatistics,
) -> Iterator[tuple[str, str, int]]:
    """Yield the family, the mode and the value of each number that WFP keeps per mode."""
    for mode, active, started, succeeded, failed in (
        (
            "main",
            counts.current_active_main_modes,
            counts.total_main_modes_started,
            counts.total_successful_main_modes,
            counts.total_failed_main_modes,
        ),
        (
            "quick",
            counts.current_active_quick_modes,
            counts.total_quick_modes_started,
            counts.total_successful_quick_modes,
            counts.total_failed_quick_modes,
        ),
        (
            "extended",
            counts.current_active_extended_modes,
            counts.total_extended_modes_started,
            counts.total_successful_extended_modes,
            counts.total_failed_extended_modes,
        ),
    ):
        yield "wfp_ike_active_negotiations", mode, active
        yield "wfp_ike_negotiations_started", mode, started
        yield "wfp_ike_negotiations_succeeded", mode, succeeded
        yield "wfp_ike_negotiations_failed", mode, failed

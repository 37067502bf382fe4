"""Statistics of IPsec and IKE (IPsecGetStatistics1, IkeextGetStatistics1; fwpmu.h).

A record has the fields of the struct that its docstring names (ipsectypes.h,
iketypes.h), with names in snake case. "(0)" after a struct's name means that generation
0 of the struct exists, too. Fields named active…, current…, pending… and
offloaded… are gauges. Fields named …_negotiation_time are durations. All others are
counters: they only grow, and 32-bit counters wrap to 0 after 2^32 - 1.

Fields that only generation 1 of a struct has (Windows 7 and later) are None in a
record of generation 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from bindings._fwpuclnt import ffi
from bindings.errors import NotSupported
from bindings.session import Session


T = TypeVar("T")

FIRST_IKE_ERROR: Final = 13800
"""ERROR_IPSEC_IKE_NEG_STATUS_BEGIN (winerror.h): the code of the first entry of an error table."""


class AggregateSaStatistics(NamedTuple):
    """IPSEC_AGGREGATE_SA_STATISTICS0."""

    active_sas: int
    pending_sa_negotiations: int
    total_sas_added: int
    total_sas_deleted: int
    successful_rekeys: int
    active_tunnels: int
    offloaded_sas: int


class EspDropPacketStatistics(NamedTuple):
    """IPSEC_ESP_DROP_PACKET_STATISTICS0."""

    invalid_spis_on_inbound: int
    decryption_failures_on_inbound: int
    authentication_failures_on_inbound: int
    replay_check_failures_on_inbound: int
    sa_not_initialized_on_inbound: int


class AhDropPacketStatistics(NamedTuple):
    """IPSEC_AH_DROP_PACKET_STATISTICS0."""

    invalid_spis_on_inbound: int
    authentication_failures_on_inbound: int
    replay_check_failures_on_inbound: int
    sa_not_initialized_on_inbound: int


class AggregateDropPacketStatistics(NamedTuple):
    """IPSEC_AGGREGATE_DROP_PACKET_STATISTICS1 (0)."""

    invalid_spis_on_inbound: int
    decryption_failures_on_inbound: int
    authentication_failures_on_inbound: int
    udp_esp_validation_failures_on_inbound: int
    replay_check_failures_on_inbound: int
    invalid_clear_text_inbound: int
    sa_not_initialized_on_inbound: int
    receive_over_incorrect_sa_inbound: int
    secure_receives_not_matching_filters: int
    total_drop_packets_inbound: int | None


class TrafficStatistics(NamedTuple):
    """IPSEC_TRAFFIC_STATISTICS1 (0): 64-bit counters."""

    encrypted_byte_count: int
    authenticated_ah_byte_count: int
    authenticated_esp_byte_count: int
    transport_byte_count: int
    tunnel_byte_count: int
    offload_byte_count: int
    total_successful_packets: int | None


class IpsecStatistics(NamedTuple):
    """IPSEC_STATISTICS1 (0)."""

    aggregate_sa_statistics: AggregateSaStatistics
    esp_drop_packet_statistics: EspDropPacketStatistics
    ah_drop_packet_statistics: AhDropPacketStatistics
    aggregate_drop_packet_statistics: AggregateDropPacketStatistics
    inbound_traffic_statistics: TrafficStatistics
    outbound_traffic_statistics: TrafficStatistics


class IpVersionSpecificKeymoduleStatistics(NamedTuple):
    """IKEEXT_IP_VERSION_SPECIFIC_KEYMODULE_STATISTICS1 (0)."""

    current_active_main_modes: int
    total_main_modes_started: int
    total_successful_main_modes: int
    total_failed_main_modes: int
    total_responder_main_modes: int
    current_new_responder_main_modes: int
    current_active_quick_modes: int
    total_quick_modes_started: int
    total_successful_quick_modes: int
    total_failed_quick_modes: int
    total_acquires: int
    total_reinit_acquires: int
    current_active_extended_modes: int
    total_extended_modes_started: int
    total_successful_extended_modes: int
    total_failed_extended_modes: int
    total_impersonation_extended_modes: int
    total_impersonation_main_modes: int


class KeymoduleStatistics(NamedTuple):
    """IKEEXT_KEYMODULE_STATISTICS1 (0).

    `error_frequency_table` counts failed negotiations by error code: entry i is
    for code `FIRST_IKE_ERROR` + i. The negotiation times are in milliseconds (iketypes.idl).
    """

    v4_statistics: IpVersionSpecificKeymoduleStatistics
    v6_statistics: IpVersionSpecificKeymoduleStatistics
    error_frequency_table: tuple[int, ...]
    main_mode_negotiation_time: int
    quick_mode_negotiation_time: int
    extended_mode_negotiation_time: int

    def errors(self) -> dict[int, int]:
        """Return the nonzero error counts, by code (winerror.h)."""
        return {
            error: count
            for error, count in enumerate(self.error_frequency_table, FIRST_IKE_ERROR)
            if count
        }


class IpVersionSpecificCommonStatistics(NamedTuple):
    """IKEEXT_IP_VERSION_SPECIFIC_COMMON_STATISTICS1 (0)."""

    total_socket_receive_failures: int
    total_socket_send_failures: int


class CommonStatistics(NamedTuple):
    """IKEEXT_COMMON_STATISTICS1 (0)."""

    v4_statistics: IpVersionSpecificCommonStatistics
    v6_statistics: IpVersionSpecificCommonStatistics
    total_packets_received: int
    total_invalid_packets_received: int
    current_queued_workitems: int


class IkeStatistics(NamedTuple):
    """IKEEXT_STATISTICS1 (0): statistics of IKE, of AuthIP, of IKEv2, and common to all three."""

    ike_statistics: KeymoduleStatistics
    authip_statistics: KeymoduleStatistics
    ike_v2_statistics: KeymoduleStatistics | None
    common_statistics: CommonStatistics


def ipsec_statistics(session: Session, *, generation: int = 1) -> IpsecStatistics:
    """Read the statistics of SAs and packets.

    Args:
        session: the session to use.
        generation: the newest generation to use.

    Raises:
        NotSupported: the library or the engine lacks the function.
        AccessDenied: the account lacks FWPM_ACTRL_READ_STATS.
        EngineError: any other error of the engine.
    """
    return _newest(session, "IPsecGetStatistics", "IPSEC_STATISTICS", generation, _ipsec)


def ike_statistics(session: Session, *, generation: int = 1) -> IkeStatistics:
    """Read the statistics of negotiations; arguments and errors as for `ipsec_statistics`.

    Raises:
        IkeextNotRunning: the IKEEXT service is not running.
    """
    return _newest(session, "IkeextGetStatistics", "IKEEXT_STATISTICS", generation, _ike)


def _newest(
    session: Session, function: str, struct: str, generation: int, read: Callable[[Any], T]
) -> T:
    """Read the struct of the newest supported generation, at most `generation`."""
    memory = ffi.new(f"{struct}{generation} *")
    try:
        session.call(f"{function}{generation}", memory)
    except NotSupported:
        if generation == 0:
            raise
        return _newest(session, function, struct, generation - 1, read)
    return read(memory)


def _ipsec(struct: Any) -> IpsecStatistics:
    return IpsecStatistics(
        AggregateSaStatistics(*_numbers(struct.aggregateSaStatistics)),
        EspDropPacketStatistics(*_numbers(struct.espDropPacketStatistics)),
        AhDropPacketStatistics(*_numbers(struct.ahDropPacketStatistics)),
        _padded(AggregateDropPacketStatistics, struct.aggregateDropPacketStatistics),
        _padded(TrafficStatistics, struct.inboundTrafficStatistics),
        _padded(TrafficStatistics, struct.outboundTrafficStatistics),
    )


def _ike(struct: Any) -> IkeStatistics:
    has_ike_v2 = hasattr(struct, "ikeV2Statistics")
    return IkeStatistics(
        _keymodule(struct.ikeStatistics),
        _keymodule(struct.authipStatistics),
        _keymodule(struct.ikeV2Statistics) if has_ike_v2 else None,
        _common(struct.commonStatistics),
    )


def _keymodule(struct: Any) -> KeymoduleStatistics:
    return KeymoduleStatistics(
        IpVersionSpecificKeymoduleStatistics(*_numbers(struct.v4Statistics)),
        IpVersionSpecificKeymoduleStatistics(*_numbers(struct.v6Statistics)),
        tuple(struct.errorFrequencyTable),
        struct.mainModeNegotiationTime,
        struct.quickModeNegotiationTime,
        struct.extendedModeNegotiationTime,
    )


def _common(struct: Any) -> CommonStatistics:
    return CommonStatistics(
        IpVersionSpecificCommonStatistics(*_numbers(struct.v4Statistics)),
        IpVersionSpecificCommonStatistics(*_numbers(struct.v6Statistics)),
        struct.totalPacketsReceived,
        struct.totalInvalidPacketsReceived,
        struct.currentQueuedWorkitems,
    )


def _numbers(struct: Any) -> list[int]:
    """Return the numbers in a struct that contains only numbers, in the order of its record."""
    return [getattr(struct, name) for name, _ in ffi.typeof(struct).fields]


R = TypeVar("R", AggregateDropPacketStatistics, TrafficStatistics)


def _padded(record: type[R], struct: Any) -> R:
    """Return the record of a struct, with None for the fields that the struct lacks."""
    numbers: list[Any] = _numbers(struct)
    return record(*numbers, *[None] * (len(record._fields) - len(numbers)))

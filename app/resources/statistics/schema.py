"""The schema of the engine's counters, grouped as in WFP's structs (ipsectypes.h, iketypes.h)."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.hexadecimal import Hex32
from app.schemas.names import EngineKind


MODULUS: Final = 1 << 32
"""The modulus of 32-bit counters."""

Counter32 = Annotated[
    int,
    Field(
        ge=0,
        le=0xFFFFFFFF,
        description="A 32-bit counter; it wraps around to 0 after 4294967295 (`sample.modulus`).",
    ),
]
Counter64 = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,20}$",
        description="A 64-bit counter, as decimal text; it does not wrap around in practice.",
        examples=["9007199254740993"],
    ),
]
Gauge32 = Annotated[
    int,
    Field(ge=0, le=0xFFFFFFFF, description="A gauge: the current number, which rises and falls."),
]
NegotiationTime = Annotated[
    int,
    Field(ge=0, le=0xFFFFFFFF, description="In milliseconds, as reported by the engine."),
]


class StatisticsSample(Shape):
    """When and where the counters were read, and how to compare two readings.

    If two readings have the same `epoch`, a 32-bit counter has grown by the later value minus the
    earlier value, plus `modulus` if the difference is negative. Poll often enough that no counter
    grows by `modulus` or more between readings. A new epoch means a new session with the engine.
    The engine may have restarted, and its counters may have started again from 0.
    """

    epoch: str = Field(description="Identifies the server's session with the engine.")
    taken_at: datetime = Field(description="The time at which the engine was called, in UTC.")
    host: str
    engine: EngineKind
    modulus: int = Field(
        description="The modulus of 32-bit counters (those that are JSON numbers): 2^32.",
        examples=[MODULUS],
    )


class AggregateSaStatistics(Shape):
    """IPSEC_AGGREGATE_SA_STATISTICS0: counts of all SAs."""

    active_sas: Gauge32
    pending_sa_negotiations: Gauge32
    total_sas_added: Counter32
    total_sas_deleted: Counter32
    successful_rekeys: Counter32
    active_tunnels: Gauge32
    offloaded_sas: Gauge32


class EspDropPacketStatistics(Shape):
    """IPSEC_ESP_DROP_PACKET_STATISTICS0: packets that ESP dropped, by reason."""

    invalid_spis_on_inbound: Counter32
    decryption_failures_on_inbound: Counter32
    authentication_failures_on_inbound: Counter32
    replay_check_failures_on_inbound: Counter32
    sa_not_initialized_on_inbound: Counter32


class AhDropPacketStatistics(Shape):
    """IPSEC_AH_DROP_PACKET_STATISTICS0: packets that AH dropped, by reason."""

    invalid_spis_on_inbound: Counter32
    authentication_failures_on_inbound: Counter32
    replay_check_failures_on_inbound: Counter32
    sa_not_initialized_on_inbound: Counter32


class AggregateDropPacketStatistics(Shape):
    """IPSEC_AGGREGATE_DROP_PACKET_STATISTICS1: dropped packets, by reason."""

    invalid_spis_on_inbound: Counter32
    decryption_failures_on_inbound: Counter32
    authentication_failures_on_inbound: Counter32
    udp_esp_validation_failures_on_inbound: Counter32
    replay_check_failures_on_inbound: Counter32
    invalid_clear_text_inbound: Counter32
    sa_not_initialized_on_inbound: Counter32
    receive_over_incorrect_sa_inbound: Counter32
    secure_receives_not_matching_filters: Counter32
    total_drop_packets_inbound: Counter32 | MISSING = MISSING


class TrafficStatistics(Shape):
    """IPSEC_TRAFFIC_STATISTICS1: bytes and packets of one direction."""

    encrypted_byte_count: Counter64
    authenticated_ah_byte_count: Annotated[Counter64, Field(alias="authenticatedAHByteCount")]
    authenticated_esp_byte_count: Annotated[Counter64, Field(alias="authenticatedESPByteCount")]
    transport_byte_count: Counter64
    tunnel_byte_count: Counter64
    offload_byte_count: Counter64
    total_successful_packets: Counter64 | MISSING = MISSING


class IpsecStatistics(Shape):
    """IPSEC_STATISTICS1: counters of SAs and packets since the engine started.

    If the engine supports only Windows Vista's struct, IPSEC_STATISTICS0, the counters that this
    struct lacks are absent.
    """

    aggregate_sa_statistics: AggregateSaStatistics
    esp_drop_packet_statistics: EspDropPacketStatistics
    ah_drop_packet_statistics: AhDropPacketStatistics
    aggregate_drop_packet_statistics: AggregateDropPacketStatistics
    inbound_traffic_statistics: TrafficStatistics
    outbound_traffic_statistics: TrafficStatistics
    sample: StatisticsSample


class IpVersionSpecificKeymoduleStatistics(Shape):
    """IKEEXT_IP_VERSION_SPECIFIC_KEYMODULE_STATISTICS1: negotiations over one IP version."""

    current_active_main_modes: Gauge32
    total_main_modes_started: Counter32
    total_successful_main_modes: Counter32
    total_failed_main_modes: Counter32
    total_responder_main_modes: Counter32
    current_new_responder_main_modes: Gauge32
    current_active_quick_modes: Gauge32
    total_quick_modes_started: Counter32
    total_successful_quick_modes: Counter32
    total_failed_quick_modes: Counter32
    total_acquires: Counter32
    total_reinit_acquires: Counter32
    current_active_extended_modes: Gauge32
    total_extended_modes_started: Counter32
    total_successful_extended_modes: Counter32
    total_failed_extended_modes: Counter32
    total_impersonation_extended_modes: Counter32
    total_impersonation_main_modes: Counter32


class ErrorFrequency(Shape):
    """The number of negotiations that ended with one error."""

    error: str | MISSING = Field(
        default=MISSING,
        description="The error's name in winerror.h; absent if unknown.",
        examples=["ERROR_IPSEC_IKE_AUTH_FAIL"],
    )
    code: int = Field(description="The error's number in winerror.h.", examples=[13801])
    code_hex: Hex32
    frequency: Counter32


class KeymoduleStatistics(Shape):
    """IKEEXT_KEYMODULE_STATISTICS1: the negotiations of one keying module."""

    v4_statistics: IpVersionSpecificKeymoduleStatistics
    v6_statistics: IpVersionSpecificKeymoduleStatistics
    error_frequency_table: list[ErrorFrequency] = Field(
        description="The errors that occurred, in ascending order of their codes."
    )
    main_mode_negotiation_time: NegotiationTime
    quick_mode_negotiation_time: NegotiationTime
    extended_mode_negotiation_time: NegotiationTime


class IpVersionSpecificCommonStatistics(Shape):
    """IKEEXT_IP_VERSION_SPECIFIC_COMMON_STATISTICS1: sockets of one IP version."""

    total_socket_receive_failures: Counter32
    total_socket_send_failures: Counter32


class CommonStatistics(Shape):
    """IKEEXT_COMMON_STATISTICS1: counters common to all keying modules."""

    v4_statistics: IpVersionSpecificCommonStatistics
    v6_statistics: IpVersionSpecificCommonStatistics
    total_packets_received: Counter32
    total_invalid_packets_received: Counter32
    current_queued_workitems: Gauge32


class IkeextStatistics(Shape):
    """IKEEXT_STATISTICS1: counters of negotiations since the IKEEXT service started.

    IKEEXT can restart independently of the engine. `sample.epoch` does not change then.
    `ikeV2Statistics` is absent if the engine supports only Windows Vista's IkeextGetStatistics0.
    """

    ike_statistics: KeymoduleStatistics
    authip_statistics: KeymoduleStatistics
    ike_v2_statistics: KeymoduleStatistics | MISSING = MISSING
    common_statistics: CommonStatistics
    sample: StatisticsSample

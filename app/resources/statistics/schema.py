"""The engine's own counters, grouped as WFP's structs are (ipsectypes.h, iketypes.h)."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.names import EngineKind


MODULUS: Final = 1 << 32
"""What counters of 32 bits are counted modulo."""

Counter32 = Annotated[
    int,
    Field(
        ge=0,
        le=0xFFFFFFFF,
        description="Counts up. It has 32 bits: after 4294967295 comes 0 (`reading.modulus`).",
    ),
]
Counter64 = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,20}$",
        description="Counts up. It has 64 bits, so it is decimal text; it does not wrap around.",
        examples=["9007199254740993"],
    ),
]
Gauge32 = Annotated[
    int,
    Field(ge=0, le=0xFFFFFFFF, description="How many there are at that moment: up and down."),
]
NegotiationTime = Annotated[
    int,
    Field(ge=0, le=0xFFFFFFFF, description="As the engine tells it; its unit is not documented."),
]


class StatisticsReading(Shape):
    """When was counted, by whom, and how to tell what happened between two readings.

    Of two readings of one `epoch`, a 32-bit counter has grown by the later value less the
    earlier one, plus `modulus` where that is negative; it is asked for often enough when it
    cannot grow by as much as `modulus` in between. Where the epochs differ, the server has a new
    session with the engine: the engine may have been restarted, and counts from 0 then.
    """

    epoch: str = Field(description="Names the server's session with the engine that counted.")
    taken_at: datetime = Field(description="When the engine was asked, in UTC.")
    host: str
    engine: EngineKind
    modulus: int = Field(
        description="What counters of 32 bits, those that are numbers, are counted modulo: 2^32.",
        examples=[MODULUS],
    )


class AggregateSaStatistics(Shape):
    """IPSEC_AGGREGATE_SA_STATISTICS0: of all SAs."""

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
    """IPSEC_AGGREGATE_DROP_PACKET_STATISTICS1: packets that were dropped, by reason."""

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
    """IPSEC_STATISTICS1: what the engine counted of SAs and packets since it was started.

    A counter that Windows Vista's generation of the struct lacks is absent where the engine
    was read by that.
    """

    aggregate_sa_statistics: AggregateSaStatistics
    esp_drop_packet_statistics: EspDropPacketStatistics
    ah_drop_packet_statistics: AhDropPacketStatistics
    aggregate_drop_packet_statistics: AggregateDropPacketStatistics
    inbound_traffic_statistics: TrafficStatistics
    outbound_traffic_statistics: TrafficStatistics
    reading: StatisticsReading


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
    """How often negotiations ended with an error."""

    error: str | MISSING = Field(
        default=MISSING,
        description="Its name in winerror.h; absent where it has none.",
        examples=["ERROR_IPSEC_IKE_AUTH_FAIL"],
    )
    code: int = Field(description="Its number in winerror.h.", examples=[13801])
    frequency: Counter32


class KeymoduleStatistics(Shape):
    """IKEEXT_KEYMODULE_STATISTICS1: what one keying module negotiated."""

    v4_statistics: IpVersionSpecificKeymoduleStatistics
    v6_statistics: IpVersionSpecificKeymoduleStatistics
    error_frequency_table: list[ErrorFrequency] = Field(
        description="The errors that were met, in the order of their numbers."
    )
    main_mode_negotiation_time: NegotiationTime
    quick_mode_negotiation_time: NegotiationTime
    extended_mode_negotiation_time: NegotiationTime


class IpVersionSpecificCommonStatistics(Shape):
    """IKEEXT_IP_VERSION_SPECIFIC_COMMON_STATISTICS1: sockets of one IP version."""

    total_socket_receive_failures: Counter32
    total_socket_send_failures: Counter32


class CommonStatistics(Shape):
    """IKEEXT_COMMON_STATISTICS1: what all keying modules share."""

    v4_statistics: IpVersionSpecificCommonStatistics
    v6_statistics: IpVersionSpecificCommonStatistics
    total_packets_received: Counter32
    total_invalid_packets_received: Counter32
    current_queued_workitems: Gauge32


class IkeextStatistics(Shape):
    """IKEEXT_STATISTICS1: what the service IKEEXT counted of negotiations since it was started.

    IKEEXT can be restarted without the engine: `reading.epoch` does not tell that.
    `ikeV2Statistics` is absent where the engine was read by Windows Vista's function.
    """

    ike_statistics: KeymoduleStatistics
    authip_statistics: KeymoduleStatistics
    ike_v2_statistics: KeymoduleStatistics | MISSING = MISSING
    common_statistics: CommonStatistics
    reading: StatisticsReading

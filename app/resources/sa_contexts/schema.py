"""The schema of SA contexts and of their lists."""

from typing import Any, Final, Literal

from pydantic import MISSING, Field

from app.resources.sa_contexts.transform_schema import SaTransform
from app.resources.wfp.filter_schema import Filter
from app.resources.wfp.udp_encapsulation import UdpEncapsulation
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint8, Uint16, Uint32, Uint64
from app.schemas.hexadecimal import Hex32
from app.schemas.names import (
    BundleFlag,
    Direction,
    IpVersion,
    PfsGroup,
    TokenMode,
    TokenPrincipal,
    TokenType,
    TrafficType,
    Weakness,
)
from app.schemas.pages import NEXT_CURSOR, Snapshot


IKEEXT: Final[Any] = Field(
    default=MISSING,
    description="Present if the list is empty because the IKEEXT service, which negotiates SA "
    "contexts, is not running, as on a host without an IPsec policy.",
)


class Traffic(Shape):
    """IPSEC_TRAFFIC1: the traffic of the SA.

    In tunnel mode, the addresses are the tunnel's endpoints. If the engine supports only Windows
    Vista's struct, IPSEC_TRAFFIC0, the fields that this struct lacks are absent.
    """

    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    local_address: IpAddress | None
    remote_address: IpAddress | None
    traffic_type: TrafficType
    traffic_type_raw: Raw | MISSING = MISSING
    ipsec_filter_id: Uint64 | MISSING = Field(
        default=MISSING, description="Transport mode: the id of the transport layer filter."
    )
    tunnel_policy_id: Uint64 | MISSING = Field(
        default=MISSING, description="Tunnel mode: the id of the quick mode policy."
    )
    remote_port: Uint16 = Field(description="0: no particular port; see the transport filter.")
    local_port: Uint16 | MISSING = Field(
        default=MISSING, description="0: no particular port; see the transport filter."
    )
    ip_protocol: Uint8 | MISSING = Field(
        default=MISSING, description="0: no particular protocol; see the transport filter."
    )
    local_if_luid: Uint64 | MISSING = Field(default=MISSING, description="The interface's LUID.")
    local_if_alias: str | MISSING = Field(
        default=MISSING,
        description="The interface's name; absent if Windows does not report it.",
        examples=["Ethernet"],
    )
    real_if_profile_id: Uint32 | MISSING = MISSING


class BundleFlags(Shape):
    """IPSEC_SA_BUNDLE_FLAG_*, by name."""

    value: Uint32 = Field(description="All bits.")
    names: list[BundleFlag]
    tunnel_bandwidth: int = Field(
        ge=0, le=15, description="The four highest bits: the bandwidth class of an IKEv2 tunnel."
    )
    unknown: Uint32 = Field(description="The bits without a name.")


class Lifetime(Shape):
    """IPSEC_SA_LIFETIME0: the configured limits, not the remaining lifetime; 0 means no limit."""

    lifetime_seconds: Uint32
    lifetime_kilobytes: Uint32
    lifetime_packets: Uint32


class Token(Shape):
    """IPSEC_TOKEN0: the properties of a token. The token itself is never shown."""

    type: TokenType
    type_raw: Raw | MISSING = MISSING
    principal: TokenPrincipal
    principal_raw: Raw | MISSING = MISSING
    mode: TokenMode
    mode_raw: Raw | MISSING = MISSING


class Identity(Shape):
    """IPSEC_ID0: the peer's names. Only the initiator of the negotiation may trust them."""

    mm_target_name: str | None = Field(description="The machine's name, from main mode.")
    em_target_name: str | None = Field(description="The user's name, from extended mode.")
    tokens: list[Token]


class KeyModuleState(Shape):
    """IPSEC_KEYMODULE_STATE0: the keying module of the SA. The state itself is never shown."""

    key_module_key: Guid
    key_module: str | MISSING = Field(
        default=MISSING,
        description="The module's name in fwpmu.h without FWPM_KEYING_MODULE_; absent if unknown.",
        examples=["ikev2"],
    )


class Sa(Shape):
    """IPSEC_SA0."""

    spi: Uint32
    spi_hex: Hex32
    transform: SaTransform


class SaBundle(Shape):
    """IPSEC_SA_BUNDLE1: the SAs of one direction and their common properties."""

    flags: BundleFlags
    lifetime: Lifetime
    idle_timeout_seconds: Uint32 = Field(description="0: no idle timeout.")
    nd_allow_clear_timeout_seconds: Uint32
    ipsec_id: Identity | MISSING | None = Field(
        default=MISSING, description="Absent with `view=basic`."
    )
    nap_context: Uint32
    qm_sa_id: Uint32 = Field(description="Identical on both hosts and for both directions.")
    sa_list: list[Sa] = Field(description="One SA, or two: ESP followed by AH.")
    key_module_state: KeyModuleState | None
    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    peer_v4_private_address: IpAddress | None = Field(
        description="The peer's private address behind its NAT; 0.0.0.0 if there is no NAT."
    )
    mm_sa_id: Uint64 | None = Field(
        description="The `saId` of the main mode SA that negotiated this bundle, which may have "
        "ended since; null if the keying module does not set it."
    )
    pfs_group: PfsGroup
    pfs_group_raw: Raw | MISSING = MISSING
    sa_lookup_context: Guid | MISSING = MISSING
    qm_filter_id: Uint64 | MISSING = MISSING


class VirtualIfTunnelInfo(Shape):
    """IPSEC_VIRTUAL_IF_TUNNEL_INFO0.

    The ids are nonzero for the virtual interfaces of IKEv2 tunnels.
    """

    virtual_if_tunnel_id: Uint64
    traffic_selector_id: Uint64


class SaDetails(Shape):
    """IPSEC_SA_DETAILS1: one direction of a context."""

    ip_version: IpVersion = Field(description="In tunnel mode, the version of the outer header.")
    ip_version_raw: Raw | MISSING = MISSING
    sa_direction: Direction
    sa_direction_raw: Raw | MISSING = MISSING
    weaknesses: list[Weakness] = Field(
        description="Weaknesses of the protection according to the server's baseline, which "
        "`/engine` names."
    )
    rule_name: str | None = Field(
        description="The name of the rule that requires the SA: of the transport filter or, if "
        "there is none, of the filter or policy that `ipsecFilterId`, `tunnelPolicyId` or "
        "`qmFilterId` names. null if it is not known. On Windows, a name such as "
        "`@FirewallAPI.dll,-80204` is replaced by the text that it refers to.",
        examples=["Database servers - require encryption (out)"],
    )
    traffic: Traffic
    sa_bundle: SaBundle
    udp_encapsulation: UdpEncapsulation | None
    transport_filter: Filter | None
    virtual_if_tunnel_info: VirtualIfTunnelInfo | MISSING = MISSING


class SaContext(Shape):
    """IPSEC_SA_CONTEXT1: a pair of an inbound and an outbound SA.

    One or both SAs are null while the context is being built or is expiring.
    """

    sa_context_id: Uint64
    inbound_sa: SaDetails | None
    outbound_sa: SaDetails | None


class SaContextPage(Shape):
    """A page of SA contexts, in ascending order of id.

    More pages follow if and only if `nextCursor` is present.
    """

    items: list[SaContext]
    next_cursor: str | MISSING = NEXT_CURSOR
    ikeext: Literal["not_running"] | MISSING = IKEEXT
    snapshot: Snapshot


class SaContextExportEnd(Shape):
    """The last line of a list streamed as `application/x-ndjson`."""

    end: Literal[True]
    count: int = Field(ge=0, description="The number of contexts in the preceding lines.")
    ikeext: Literal["not_running"] | MISSING = Field(
        default=MISSING,
        description="Present if the list is empty because IKEEXT is not running, as in "
        "`SaContextPage`.",
    )
    snapshot: Snapshot

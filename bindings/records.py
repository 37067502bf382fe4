"""SA contexts and filters, as immutable records in WFP's terms.

A record has the fields of the struct that its docstring names (ipsectypes.h,
fwptypes.h, fwpmtypes.h), but no key material, credential handles or opaque blobs.
Names are in snake case, and some are shortened. Enumerations and flags are the
numbers that the engine returned, even unknown ones; `bindings.enums` names the known
ones. Addresses are packed in network order: 4 bytes for IPv4, 16 for IPv6, and None
if the record's `ip_version` is neither. GUIDs are lower-case text.

A docstring such as "IPSEC_SA_BUNDLE1 (0)" names the newest generation of a struct
and, in parentheses, the older generations. In a record of an older generation, fields
that its struct lacks are None.
"""

from __future__ import annotations

from typing import NamedTuple


class AuthTransform(NamedTuple):
    """IPSEC_AUTH_TRANSFORM0: how packets are authenticated."""

    auth_type: int
    auth_config: int
    crypto_module_id: str | None


class CipherTransform(NamedTuple):
    """IPSEC_CIPHER_TRANSFORM0: how packets are encrypted."""

    cipher_type: int
    cipher_config: int
    crypto_module_id: str | None


class Sa(NamedTuple):
    """IPSEC_SA0: one SA of a bundle.

    The transform type determines which transforms are set: `auth_transform` for AH,
    ESP_AUTH and ESP_AUTH_FW, `cipher_transform` for ESP_CIPHER, both for
    ESP_AUTH_AND_CIPHER, and neither for an unknown type.
    """

    spi: int
    sa_transform_type: int
    auth_transform: AuthTransform | None
    cipher_transform: CipherTransform | None


class Token(NamedTuple):
    """IPSEC_TOKEN0: the properties of a token; the token itself is not read."""

    type: int
    principal: int
    mode: int


class Identity(NamedTuple):
    """IPSEC_ID0: the peer's names. Only the initiator may trust them (ipsectypes.idl)."""

    mm_target_name: str | None
    em_target_name: str | None
    tokens: tuple[Token, ...]


class Lifetime(NamedTuple):
    """IPSEC_SA_LIFETIME0: the configured limits, not the remaining lifetime; 0 means no limit."""

    seconds: int
    kilobytes: int
    packets: int


class SaBundle(NamedTuple):
    """IPSEC_SA_BUNDLE1 (0): the SAs of one direction and their common properties."""

    flags: int
    lifetime: Lifetime
    idle_timeout_seconds: int
    nd_allow_clear_timeout_seconds: int
    ipsec_id: Identity | None
    nap_context: int
    qm_sa_id: int
    sa_list: tuple[Sa, ...]
    key_module_key: str | None
    ip_version: int
    peer_v4_private_address: bytes | None
    mm_sa_id: int
    pfs_group: int
    sa_lookup_context: str | None
    qm_filter_id: int | None


class Traffic(NamedTuple):
    """IPSEC_TRAFFIC1 (0): the protected traffic.

    In tunnel mode, the addresses are the tunnel endpoints. `policy_id` is ipsecFilterId in
    transport mode, tunnelPolicyId in tunnel mode, and None for an unknown traffic type. If a
    port or the protocol is 0, the transport filter specifies it.
    """

    ip_version: int
    local_address: bytes | None
    remote_address: bytes | None
    traffic_type: int
    policy_id: int | None
    remote_port: int
    local_port: int | None
    ip_protocol: int | None
    local_if_luid: int | None
    real_if_profile_id: int | None


class UdpEncapsulation(NamedTuple):
    """IPSEC_V4_UDP_ENCAPSULATION0: the UDP ports for NAT traversal; only for IPv4."""

    local_udp_encap_port: int
    remote_udp_encap_port: int


class VirtualIfTunnelInfo(NamedTuple):
    """IPSEC_VIRTUAL_IF_TUNNEL_INFO0: ids of an IKEv2 tunnel with a virtual interface, else 0."""

    virtual_if_tunnel_id: int
    traffic_selector_id: int


class V4AddressAndMask(NamedTuple):
    """FWP_V4_ADDR_AND_MASK, both packed in network order; the mask may be non-contiguous."""

    address: bytes
    mask: bytes


class V6AddressAndMask(NamedTuple):
    """FWP_V6_ADDR_AND_MASK, with the address packed in network order."""

    address: bytes
    prefix_length: int


class TokenInformation(NamedTuple):
    """FWP_TOKEN_INFORMATION: SIDs, each with its attributes (SID_AND_ATTRIBUTES)."""

    sids: tuple[tuple[str | None, int], ...]
    restricted_sids: tuple[tuple[str | None, int], ...]


class Range(NamedTuple):
    """FWP_RANGE0; both bounds are inclusive."""

    low: Value
    high: Value


class Value(NamedTuple):
    """FWP_VALUE0 or FWP_CONDITION_VALUE0.

    `value` is None for FWP_EMPTY, a NULL pointer, an invalid SID, an unknown type, and
    token access information, which is never read. SIDs are text. Byte arrays, blobs and
    security descriptors are bytes.
    """

    type: int
    value: (
        int
        | float
        | str
        | bytes
        | V4AddressAndMask
        | V6AddressAndMask
        | TokenInformation
        | Range
        | None
    )


class FilterCondition(NamedTuple):
    """FWPM_FILTER_CONDITION0."""

    field_key: str
    match_type: int
    condition_value: Value


class Filter(NamedTuple):
    """FWPM_FILTER0: the filter that selects the protected traffic; its name is that of the rule.

    The provider's data and context are omitted. If the action invokes a callout,
    `filter_type` is the callout's key.
    """

    filter_key: str
    name: str | None
    description: str | None
    flags: int
    provider_key: str | None
    layer_key: str
    sub_layer_key: str
    weight: Value
    conditions: tuple[FilterCondition, ...]
    action_type: int
    filter_type: str
    filter_id: int
    effective_weight: Value


class SaDetails(NamedTuple):
    """IPSEC_SA_DETAILS1 (0): one direction of a context."""

    ip_version: int
    sa_direction: int
    traffic: Traffic
    sa_bundle: SaBundle
    udp_encapsulation: UdpEncapsulation | None
    transport_filter: Filter | None
    virtual_if_tunnel_info: VirtualIfTunnelInfo | None


class SaContext(NamedTuple):
    """IPSEC_SA_CONTEXT1 (0): a pair of SAs; an SA is None before it is added and once expired."""

    sa_context_id: int
    inbound_sa: SaDetails | None
    outbound_sa: SaDetails | None

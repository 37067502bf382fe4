"""A second reader of SA contexts, to check the first one by.

It shares nothing with the bindings but the records that it fills. Each field
is fetched on its own, by its name, from where Microsoft's headers put it
(`structs`); what a field means is read from the documentation of
the records, ipsectypes.h, fwptypes.h and fwpmtypes.h. Plain, not fast.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final, TypeVar

from bindings.records import (
    AuthTransform,
    CipherTransform,
    Filter,
    FilterCondition,
    Identity,
    Lifetime,
    Range,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Token,
    TokenInformation,
    Traffic,
    UdpEncapsulation,
    V4AddressAndMask,
    V6AddressAndMask,
    Value,
    VirtualIfTunnelInfo,
)

from .structs import ABI, Struct, number_at, sid_at, sids_at, text_at


_V4: Final = ABI["enums"]["FWP_IP_VERSION"]["FWP_IP_VERSION_V4"]
_V6: Final = ABI["enums"]["FWP_IP_VERSION"]["FWP_IP_VERSION_V6"]
_POLICY_OF_TRAFFIC: Final = {
    ABI["enums"]["IPSEC_TRAFFIC_TYPE"]["IPSEC_TRAFFIC_TYPE_TRANSPORT"]: "ipsecFilterId",
    ABI["enums"]["IPSEC_TRAFFIC_TYPE"]["IPSEC_TRAFFIC_TYPE_TUNNEL"]: "tunnelPolicyId",
}

T = TypeVar("T")


def read_context(address: int, generation: int = 1) -> SaContext:
    """The IPSEC_SA_CONTEXT0 or IPSEC_SA_CONTEXT1 at an address."""
    context = Struct(f"IPSEC_SA_CONTEXT{generation}", address)
    return SaContext(
        sa_context_id=context.number("saContextId"),
        inbound_sa=_maybe(_details, context.followed("inboundSa")),
        outbound_sa=_maybe(_details, context.followed("outboundSa")),
    )


def _maybe(read: Callable[[Struct], T], struct: Struct | None) -> T | None:
    return None if struct is None else read(struct)


# ---- one direction ----


def _details(details: Struct) -> SaDetails:
    ip_version = details.number("ipVersion")
    udp = details.followed("udpEncapsulation") if ip_version == _V4 else None
    return SaDetails(
        ip_version=ip_version,
        sa_direction=details.number("saDirection"),
        traffic=_traffic(details.embedded("traffic")),
        sa_bundle=_bundle(details.embedded("saBundle")),
        udp_encapsulation=_maybe(_udp_encapsulation, udp),
        transport_filter=_maybe(_filter, details.followed("transportFilter")),
        virtual_if_tunnel_info=(
            _tunnel_info(details.embedded("virtualIfTunnelInfo"))
            if details.has("virtualIfTunnelInfo")
            else None
        ),
    )


def _traffic(traffic: Struct) -> Traffic:
    ip_version = traffic.number("ipVersion")
    traffic_type = traffic.number("trafficType")
    policy = _POLICY_OF_TRAFFIC.get(traffic_type)
    return Traffic(
        ip_version=ip_version,
        local_address=_address(traffic, "local", ip_version),
        remote_address=_address(traffic, "remote", ip_version),
        traffic_type=traffic_type,
        policy_id=traffic.number(policy) if policy else None,
        remote_port=traffic.number("remotePort"),
        local_port=traffic.number_if_there("localPort"),
        ip_protocol=traffic.number_if_there("ipProtocol"),
        local_if_luid=traffic.number_if_there("localIfLuid"),
        real_if_profile_id=traffic.number_if_there("realIfProfileId"),
    )


def _address(traffic: Struct, end: str, ip_version: int) -> bytes | None:
    if ip_version == _V4:
        return _v4(traffic, f"{end}V4Address")
    if ip_version == _V6:
        return traffic.raw(f"{end}V6Address")
    return None


def _v4(struct: Struct, field: str) -> bytes:
    """A UINT32 in host order (fwptypes.h), as a packet would carry it."""
    return struct.number(field).to_bytes(4, "big")


def _udp_encapsulation(udp: Struct) -> UdpEncapsulation:
    return UdpEncapsulation(
        local_udp_encap_port=udp.number("localUdpEncapPort"),
        remote_udp_encap_port=udp.number("remoteUdpEncapPort"),
    )


def _tunnel_info(info: Struct) -> VirtualIfTunnelInfo:
    return VirtualIfTunnelInfo(
        virtual_if_tunnel_id=info.number("virtualIfTunnelId"),
        traffic_selector_id=info.number("trafficSelectorId"),
    )


# ---- the bundle ----


def _bundle(bundle: Struct) -> SaBundle:
    lifetime = bundle.embedded("lifetime")
    state = bundle.followed("keyModuleState")
    ip_version = bundle.number("ipVersion")
    return SaBundle(
        flags=bundle.number("flags"),
        lifetime=Lifetime(
            seconds=lifetime.number("lifetimeSeconds"),
            kilobytes=lifetime.number("lifetimeKilobytes"),
            packets=lifetime.number("lifetimePackets"),
        ),
        idle_timeout_seconds=bundle.number("idleTimeoutSeconds"),
        nd_allow_clear_timeout_seconds=bundle.number("ndAllowClearTimeoutSeconds"),
        ipsec_id=_maybe(_identity, bundle.followed("ipsecId")),
        nap_context=bundle.number("napContext"),
        qm_sa_id=bundle.number("qmSaId"),
        sa_list=tuple(_sa(sa) for sa in bundle.array("saList", "numSAs")),
        key_module_key=state.guid("keyModuleKey") if state else None,
        ip_version=ip_version,
        peer_v4_private_address=(
            _v4(bundle, "peerV4PrivateAddress") if ip_version == _V4 else None
        ),
        mm_sa_id=bundle.number("mmSaId"),
        pfs_group=bundle.number("pfsGroup"),
        sa_lookup_context=bundle.guid("saLookupContext") if bundle.has("saLookupContext") else None,
        qm_filter_id=bundle.number_if_there("qmFilterId"),
    )


def _identity(identity: Struct) -> Identity:
    return Identity(
        mm_target_name=identity.text_behind("mmTargetName"),
        em_target_name=identity.text_behind("emTargetName"),
        tokens=tuple(
            Token(
                type=token.number("type"),
                principal=token.number("principal"),
                mode=token.number("mode"),
            )
            for token in identity.array("tokens", "numTokens")
        ),
    )


_ARM_OF_TRANSFORM: Final = {
    ABI["enums"]["IPSEC_TRANSFORM_TYPE"][name]: arm
    for name, arm in {
        "IPSEC_TRANSFORM_AH": "ahInformation",
        "IPSEC_TRANSFORM_ESP_AUTH": "espAuthInformation",
        "IPSEC_TRANSFORM_ESP_CIPHER": "espCipherInformation",
        "IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER": "espAuthAndCipherInformation",
        "IPSEC_TRANSFORM_ESP_AUTH_FW": "espAuthFwInformation",
    }.items()
}


def _sa(sa: Struct) -> Sa:
    transform_type = sa.number("saTransformType")
    arm = _ARM_OF_TRANSFORM.get(transform_type)
    information = sa.followed(arm) if arm else None
    auth = cipher = None
    if information is None:
        pass
    elif arm == "espAuthAndCipherInformation":
        auth = _auth(information.embedded("saAuthInformation"))
        cipher = _cipher(information.embedded("saCipherInformation"))
    elif arm == "espCipherInformation":
        cipher = _cipher(information)
    else:
        auth = _auth(information)
    return Sa(
        spi=sa.number("spi"),
        sa_transform_type=transform_type,
        auth_transform=auth,
        cipher_transform=cipher,
    )


def _auth(information: Struct) -> AuthTransform:
    transform = information.embedded("authTransform")
    names = transform.embedded("authTransformId")
    return AuthTransform(
        auth_type=names.number("authType"),
        auth_config=names.number("authConfig"),
        crypto_module_id=transform.guid_behind("cryptoModuleId"),
    )


def _cipher(information: Struct) -> CipherTransform:
    transform = information.embedded("cipherTransform")
    names = transform.embedded("cipherTransformId")
    return CipherTransform(
        cipher_type=names.number("cipherType"),
        cipher_config=names.number("cipherConfig"),
        crypto_module_id=transform.guid_behind("cryptoModuleId"),
    )


# ---- the filter ----


def _filter(struct: Struct) -> Filter:
    display, action = struct.embedded("displayData"), struct.embedded("action")
    return Filter(
        filter_key=struct.guid("filterKey"),
        name=display.text_behind("name"),
        description=display.text_behind("description"),
        flags=struct.number("flags"),
        provider_key=struct.guid_behind("providerKey"),
        layer_key=struct.guid("layerKey"),
        sub_layer_key=struct.guid("subLayerKey"),
        weight=_value(struct.embedded("weight")),
        conditions=tuple(
            FilterCondition(
                field_key=condition.guid("fieldKey"),
                match_type=condition.number("matchType"),
                condition_value=_value(condition.embedded("conditionValue")),
            )
            for condition in struct.array("filterCondition", "numFilterConditions")
        ),
        action_type=action.number("type"),
        filter_type=action.guid("filterType"),
        filter_id=struct.number("filterId"),
        effective_weight=_value(struct.embedded("effectiveWeight")),
    )


# ---- values ----


def _value(struct: Struct) -> Value:
    """A FWP_VALUE0 or FWP_CONDITION_VALUE0; only the latter has masks and ranges."""
    data_type = struct.number("type")
    arm, read = _ARM_OF_TYPE.get(data_type, ("", None))
    if read is None or not struct.has(arm):
        return Value(data_type, None)
    return Value(data_type, read(struct, arm))


def _float(struct: Struct, arm: str) -> float:
    return float(ctypes.c_float.from_buffer_copy(struct.raw(arm)).value)


def _behind(read: Callable[[int], Any]) -> Callable[[Struct, str], Any]:
    """What reads an arm that is a pointer; None for NULL."""

    def follow(struct: Struct, arm: str) -> Any:
        address = struct.number(arm)
        return read(address) if address else None

    return follow


def _bytes_of(struct: str, field: str) -> Callable[[int], bytes]:
    return lambda address: Struct(struct, address).raw(field)


def _blob(address: int) -> bytes:
    blob = Struct("FWP_BYTE_BLOB", address)
    data = blob.number("data")
    return ctypes.string_at(data, blob.number("size")) if data else b""


def _v4_and_mask(address: int) -> V4AddressAndMask:
    struct = Struct("FWP_V4_ADDR_AND_MASK", address)
    return V4AddressAndMask(_v4(struct, "addr"), _v4(struct, "mask"))


def _v6_and_mask(address: int) -> V6AddressAndMask:
    struct = Struct("FWP_V6_ADDR_AND_MASK", address)
    return V6AddressAndMask(struct.raw("addr"), struct.number("prefixLength"))


def _range(address: int) -> Range:
    struct = Struct("FWP_RANGE0", address)
    return Range(_value(struct.embedded("valueLow")), _value(struct.embedded("valueHigh")))


def _token_information(address: int) -> TokenInformation:
    struct = Struct("FWP_TOKEN_INFORMATION", address)
    return TokenInformation(
        sids=sids_at(struct.number("sids"), struct.number("sidCount")),
        restricted_sids=sids_at(
            struct.number("restrictedSids"), struct.number("restrictedSidCount")
        ),
    )


_ARM_OF_TYPE: Final[dict[int, tuple[str, Callable[[Struct, str], Any]]]] = {
    ABI["enums"]["FWP_DATA_TYPE"][name]: arm_and_reader
    for name, arm_and_reader in {
        "FWP_UINT8": ("uint8", Struct.number),
        "FWP_UINT16": ("uint16", Struct.number),
        "FWP_UINT32": ("uint32", Struct.number),
        "FWP_UINT64": ("uint64", _behind(lambda at: number_at(at, 8))),
        "FWP_INT8": ("int8", Struct.signed),
        "FWP_INT16": ("int16", Struct.signed),
        "FWP_INT32": ("int32", Struct.signed),
        "FWP_INT64": ("int64", _behind(lambda at: number_at(at, 8, signed=True))),
        "FWP_FLOAT": ("float32", _float),
        "FWP_DOUBLE": ("double64", _behind(lambda at: ctypes.c_double.from_address(at).value)),
        "FWP_BYTE_ARRAY16_TYPE": (
            "byteArray16",
            _behind(_bytes_of("FWP_BYTE_ARRAY16", "byteArray16")),
        ),
        "FWP_BYTE_BLOB_TYPE": ("byteBlob", _behind(_blob)),
        "FWP_SID": ("sid", _behind(sid_at)),
        "FWP_SECURITY_DESCRIPTOR_TYPE": ("sd", _behind(_blob)),
        "FWP_TOKEN_INFORMATION_TYPE": ("tokenInformation", _behind(_token_information)),
        "FWP_UNICODE_STRING_TYPE": ("unicodeString", _behind(text_at)),
        "FWP_BYTE_ARRAY6_TYPE": ("byteArray6", _behind(_bytes_of("FWP_BYTE_ARRAY6", "byteArray6"))),
        "FWP_V4_ADDR_MASK": ("v4AddrMask", _behind(_v4_and_mask)),
        "FWP_V6_ADDR_MASK": ("v6AddrMask", _behind(_v6_and_mask)),
        "FWP_RANGE_TYPE": ("rangeValue", _behind(_range)),
    }.items()
}
"""Which arm of the union holds the value; FWP_EMPTY and token access information hold none."""

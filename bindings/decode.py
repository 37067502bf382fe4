"""Decoding the SA context tree: from C memory to records, in both generations (ipsectypes.h).

Everything is copied; nothing here keeps an address. Only the fields named in
the layouts below are read, so key material (authKey, cipherKey, stateBlob,
explicitCredentials, token) is not.
"""

from __future__ import annotations

from typing import Any

from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.enums import IpVersion, TransformType
from bindings.guid import guid_text, well_known_guid_text
from bindings.memory import Layout, read_bytes, read_wide_string
from bindings.records import (
    AuthTransform,
    CipherTransform,
    Filter,
    FilterCondition,
    Identity,
    Lifetime,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Token,
    Traffic,
    UdpEncapsulation,
    VirtualIfTunnelInfo,
)
from bindings.values import decode_condition_value, decode_value


CONTEXT = Layout("IPSEC_SA_CONTEXT1", "saContextId", "inboundSa", "outboundSa")
"""Both generations have the same layout here; the details that they point to differ."""

_DETAILS_0 = (
    "ipVersion",
    "saDirection",
    "traffic.ipVersion",
    "traffic.localV6Address",
    "traffic.remoteV6Address",
    "traffic.trafficType",
    "traffic.ipsecFilterId",
    "traffic.remotePort",
)
_TRAFFIC_1 = (
    "traffic.localPort",
    "traffic.ipProtocol",
    "traffic.localIfLuid",
    "traffic.realIfProfileId",
)
_BUNDLE_0 = (
    "saBundle.flags",
    "saBundle.lifetime.lifetimeSeconds",
    "saBundle.lifetime.lifetimeKilobytes",
    "saBundle.lifetime.lifetimePackets",
    "saBundle.idleTimeoutSeconds",
    "saBundle.ndAllowClearTimeoutSeconds",
    "saBundle.ipsecId",
    "saBundle.napContext",
    "saBundle.qmSaId",
    "saBundle.numSAs",
    "saBundle.saList",
    "saBundle.keyModuleState",
    "saBundle.ipVersion",
    "saBundle.peerV4PrivateAddress",
    "saBundle.mmSaId",
    "saBundle.pfsGroup",
)
_BUNDLE_1 = ("saBundle.saLookupContext", "saBundle.qmFilterId")
_POINTERS = ("udpEncapsulation", "transportFilter")
_VIRTUAL_IF = ("virtualIfTunnelInfo.virtualIfTunnelId", "virtualIfTunnelInfo.trafficSelectorId")

DETAILS0 = Layout("IPSEC_SA_DETAILS0", *_DETAILS_0, *_BUNDLE_0, *_POINTERS)
DETAILS1 = Layout(
    "IPSEC_SA_DETAILS1",
    *_DETAILS_0,
    *_TRAFFIC_1,
    *_BUNDLE_0,
    *_BUNDLE_1,
    *_POINTERS,
    *_VIRTUAL_IF,
)
SA = Layout("IPSEC_SA0", "spi", "saTransformType", "ahInformation")
AUTH_TRANSFORM = Layout(
    "IPSEC_AUTH_TRANSFORM0",
    "authTransformId.authType",
    "authTransformId.authConfig",
    "cryptoModuleId",
)
CIPHER_TRANSFORM = Layout(
    "IPSEC_CIPHER_TRANSFORM0",
    "cipherTransformId.cipherType",
    "cipherTransformId.cipherConfig",
    "cryptoModuleId",
)
AUTH_AND_CIPHER = Layout(
    "IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0",
    "saCipherInformation.cipherTransform.cipherTransformId.cipherType",
    "saCipherInformation.cipherTransform.cipherTransformId.cipherConfig",
    "saCipherInformation.cipherTransform.cryptoModuleId",
    "saAuthInformation.authTransform.authTransformId.authType",
    "saAuthInformation.authTransform.authTransformId.authConfig",
    "saAuthInformation.authTransform.cryptoModuleId",
)
IDENTITY = Layout("IPSEC_ID0", "mmTargetName", "emTargetName", "numTokens", "tokens")
TOKEN = Layout("IPSEC_TOKEN0", "type", "principal", "mode")
UDP_ENCAPSULATION = Layout("IPSEC_V4_UDP_ENCAPSULATION0", "localUdpEncapPort", "remoteUdpEncapPort")
FILTER = Layout(
    "FWPM_FILTER0",
    "filterKey",
    "displayData.name",
    "displayData.description",
    "flags",
    "providerKey",
    "layerKey",
    "subLayerKey",
    "weight.type",
    "weight.uint64",
    "numFilterConditions",
    "filterCondition",
    "action.type",
    "action.filterType",
    "filterId",
    "effectiveWeight.type",
    "effectiveWeight.uint64",
)
CONDITION = Layout(
    "FWPM_FILTER_CONDITION0",
    "fieldKey",
    "matchType",
    "conditionValue.type",
    "conditionValue.uint64",
)


def decode_sa_context1(address: int, ipv6_order: Ipv6Order) -> SaContext:
    """The IPSEC_SA_CONTEXT1 at `address`."""
    context_id, inbound, outbound = CONTEXT.read(address)
    return SaContext(
        context_id,
        _details1(inbound, ipv6_order) if inbound else None,
        _details1(outbound, ipv6_order) if outbound else None,
    )


def decode_sa_context0(address: int, ipv6_order: Ipv6Order) -> SaContext:
    """The IPSEC_SA_CONTEXT0 at `address`; what only generation 1 has is None."""
    context_id, inbound, outbound = CONTEXT.read(address)
    return SaContext(
        context_id,
        _details0(inbound, ipv6_order) if inbound else None,
        _details0(outbound, ipv6_order) if outbound else None,
    )


def _details1(address: int, ipv6_order: Ipv6Order) -> SaDetails:
    fields = DETAILS1.read(address)
    local_port, ip_protocol, local_if_luid, real_if_profile_id = fields[8:12]
    lookup_context, qm_filter_id, udp, transport_filter, tunnel_id, selector_id = fields[28:]
    return SaDetails(
        fields[0],
        fields[1],
        _traffic(fields, ipv6_order, local_port, ip_protocol, local_if_luid, real_if_profile_id),
        _bundle(fields[12:28], guid_text(lookup_context), qm_filter_id),
        _udp_encapsulation(fields[0], udp),
        _filter(transport_filter) if transport_filter else None,
        VirtualIfTunnelInfo(tunnel_id, selector_id),
    )


def _details0(address: int, ipv6_order: Ipv6Order) -> SaDetails:
    fields = DETAILS0.read(address)
    udp, transport_filter = fields[24:]
    return SaDetails(
        fields[0],
        fields[1],
        _traffic(fields, ipv6_order, None, None, None, None),
        _bundle(fields[8:24], None, None),
        _udp_encapsulation(fields[0], udp),
        _filter(transport_filter) if transport_filter else None,
        None,
    )


def _traffic(
    fields: tuple[Any, ...],
    ipv6_order: Ipv6Order,
    local_port: int | None,
    ip_protocol: int | None,
    local_if_luid: int | None,
    real_if_profile_id: int | None,
) -> Traffic:
    ip_version, local, remote, traffic_type, policy_id, remote_port = fields[2:8]
    if ip_version == IpVersion.V4:
        local, remote = ipv4_from_wfp(local), ipv4_from_wfp(remote)
    elif ip_version == IpVersion.V6:
        local, remote = ipv6_order.from_wfp(local), ipv6_order.from_wfp(remote)
    else:
        local = remote = None
    return Traffic(
        ip_version,
        local,
        remote,
        traffic_type,
        policy_id,
        remote_port,
        local_port,
        ip_protocol,
        local_if_luid,
        real_if_profile_id,
    )


def _bundle(
    fields: tuple[Any, ...], sa_lookup_context: str | None, qm_filter_id: int | None
) -> SaBundle:
    (
        flags,
        seconds,
        kilobytes,
        packets,
        idle_timeout,
        nd_allow_clear_timeout,
        ipsec_id,
        nap_context,
        qm_sa_id,
        sa_count,
        sa_list,
        key_module_state,
        ip_version,
        peer_private,
        mm_sa_id,
        pfs_group,
    ) = fields
    return SaBundle(
        flags,
        Lifetime(seconds, kilobytes, packets),
        idle_timeout,
        nd_allow_clear_timeout,
        _identity(ipsec_id) if ipsec_id else None,
        nap_context,
        qm_sa_id,
        tuple([_sa(*sa) for sa in SA.read_array(sa_list, sa_count)]) if sa_list else (),
        # Only the GUID at the start of the state; the blob behind it is the module's secret.
        well_known_guid_text(read_bytes(key_module_state, 16)) if key_module_state else None,
        ip_version,
        peer_private.to_bytes(4, "big") if ip_version == IpVersion.V4 else None,
        mm_sa_id,
        pfs_group,
        sa_lookup_context,
        qm_filter_id,
    )


def _sa(spi: int, transform_type: int, information: int) -> Sa:
    auth: AuthTransform | None = None
    cipher: CipherTransform | None = None
    if not information:
        pass
    elif transform_type == TransformType.ESP_AUTH_AND_CIPHER:
        cipher_type, cipher_config, cipher_module, auth_type, auth_config, auth_module = (
            AUTH_AND_CIPHER.read(information)
        )
        cipher = CipherTransform(cipher_type, cipher_config, _optional_guid(cipher_module))
        auth = AuthTransform(auth_type, auth_config, _optional_guid(auth_module))
    elif transform_type == TransformType.ESP_CIPHER:
        cipher_type, cipher_config, cipher_module = CIPHER_TRANSFORM.read(information)
        cipher = CipherTransform(cipher_type, cipher_config, _optional_guid(cipher_module))
    elif transform_type in _AUTHENTICATING:
        auth_type, auth_config, auth_module = AUTH_TRANSFORM.read(information)
        auth = AuthTransform(auth_type, auth_config, _optional_guid(auth_module))
    return Sa(spi, transform_type, auth, cipher)


_AUTHENTICATING = frozenset((TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW))


def _identity(address: int) -> Identity:
    mm_target_name, em_target_name, count, tokens = IDENTITY.read(address)
    return Identity(
        read_wide_string(mm_target_name),
        read_wide_string(em_target_name),
        tuple([Token(*token) for token in TOKEN.read_array(tokens, count)]) if tokens else (),
    )


def _udp_encapsulation(ip_version: int, address: int) -> UdpEncapsulation | None:
    """None for IPv6, where the union's arm does not exist and the pointer means nothing."""
    if ip_version != IpVersion.V4 or not address:
        return None
    return UdpEncapsulation(*UDP_ENCAPSULATION.read(address))


def _filter(address: int) -> Filter:
    (
        filter_key,
        name,
        description,
        flags,
        provider_key,
        layer_key,
        sub_layer_key,
        weight_type,
        weight,
        condition_count,
        conditions,
        action_type,
        filter_type,
        filter_id,
        effective_weight_type,
        effective_weight,
    ) = FILTER.read(address)
    return Filter(
        well_known_guid_text(filter_key),
        read_wide_string(name),
        read_wide_string(description),
        flags,
        _optional_guid(provider_key),
        well_known_guid_text(layer_key),
        well_known_guid_text(sub_layer_key),
        decode_value(weight_type, weight),
        tuple(
            [
                FilterCondition(
                    well_known_guid_text(field_key),
                    match_type,
                    decode_condition_value(type_, union),
                )
                for field_key, match_type, type_, union in CONDITION.read_array(
                    conditions, condition_count
                )
            ]
        )
        if conditions
        else (),
        action_type,
        well_known_guid_text(filter_type),
        filter_id,
        decode_value(effective_weight_type, effective_weight),
    )


def _optional_guid(address: int) -> str | None:
    return well_known_guid_text(read_bytes(address, 16)) if address else None

"""Reading SA contexts: from C memory to raw trees, in both generations (ipsectypes.h).

A raw tree has no pointers into C memory (see `bindings.memory.RawTree`). Apart from the
transport filter (`bindings.filters`) and the GUID of the keying module, only the fields
that the layouts below name are read. The layouts do not name the secrets (authKey,
cipherKey, stateBlob, explicitCredentials, token).
"""

from __future__ import annotations

from typing import Final

from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.enums import IpVersion, TrafficType, TransformType
from bindings.filters import read_filter
from bindings.memory import Layout, RawTree, offset_of, read_guid, read_wide_string
from bindings.records import Filter, SaBundle, SaDetails, Traffic


CONTEXT = Layout("IPSEC_SA_CONTEXT1", "saContextId", "inboundSa", "outboundSa")
"""This layout fits both generations; only the details that the struct points to differ."""

_TRAFFIC_0 = (
    "ipVersion",
    "localV6Address",
    "remoteV6Address",
    "trafficType",
    "ipsecFilterId",
    "remotePort",
)
_TRAFFIC_1 = ("localPort", "ipProtocol", "localIfLuid", "realIfProfileId")
_BUNDLE_0 = (
    "flags",
    "lifetime.lifetimeSeconds",
    "lifetime.lifetimeKilobytes",
    "lifetime.lifetimePackets",
    "idleTimeoutSeconds",
    "ndAllowClearTimeoutSeconds",
    "ipsecId",
    "napContext",
    "qmSaId",
    "numSAs",
    "saList",
    "keyModuleState",
    "ipVersion",
    "peerV4PrivateAddress",
    "mmSaId",
    "pfsGroup",
)
_BUNDLE_1 = ("saLookupContext", "qmFilterId")
_DETAILS_0 = ("ipVersion", "saDirection", "udpEncapsulation", "transportFilter")
_DETAILS_1 = ("virtualIfTunnelInfo.virtualIfTunnelId", "virtualIfTunnelInfo.trafficSelectorId")


class Generation:
    """The layouts of one generation of the details and their embedded structs."""

    def __init__(self, number: int) -> None:
        newer = number >= 1
        details = f"IPSEC_SA_DETAILS{number}"
        self.details = Layout(details, *_DETAILS_0, *(_DETAILS_1 if newer else ()))
        self.traffic = Layout(f"IPSEC_TRAFFIC{number}", *_TRAFFIC_0, *(_TRAFFIC_1 if newer else ()))
        self.traffic_offset = offset_of(details, "traffic")
        self.bundle = Layout(f"IPSEC_SA_BUNDLE{number}", *_BUNDLE_0, *(_BUNDLE_1 if newer else ()))
        self.bundle_offset = offset_of(details, "saBundle")


GENERATIONS = (Generation(0), Generation(1))

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

# Reading the attribute of an enumeration would cost more than the comparison.
_V4: Final = int(IpVersion.V4)
_V6: Final = int(IpVersion.V6)
_TRAFFIC_TYPES: Final = frozenset(map(int, TrafficType))
_ESP_CIPHER: Final = int(TransformType.ESP_CIPHER)
_ESP_AUTH_AND_CIPHER: Final = int(TransformType.ESP_AUTH_AND_CIPHER)
_ONLY_AUTHENTICATING: Final = frozenset(
    (TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW)
)

_TRAFFIC: Final = SaDetails._fields.index("traffic")
_LOCAL_IF_LUID: Final = Traffic._fields.index("local_if_luid")
_TRAFFIC_TYPE: Final = Traffic._fields.index("traffic_type")
_POLICY_ID: Final = Traffic._fields.index("policy_id")
_BUNDLE: Final = SaDetails._fields.index("sa_bundle")
_QM_FILTER_ID: Final = SaBundle._fields.index("qm_filter_id")
_TRANSPORT_FILTER: Final = SaDetails._fields.index("transport_filter")
_FILTER_NAME: Final = Filter._fields.index("name")


def read_sa_context_id(address: int) -> int:
    """Read the id of the IPSEC_SA_CONTEXT0 or IPSEC_SA_CONTEXT1 at `address`."""
    context_id: int = CONTEXT.read(address)[0]
    return context_id


def read_sa_context(address: int, generation: int, ipv6_order: Ipv6Order) -> RawTree:
    """Copy the IPSEC_SA_CONTEXT0 or IPSEC_SA_CONTEXT1 at `address`.

    Fields that only generation 1 has are None for generation 0.
    """
    context_id, inbound, outbound = CONTEXT.read(address)
    layouts = GENERATIONS[generation]
    return (
        context_id,
        _details(inbound, layouts, ipv6_order) if inbound else None,
        _details(outbound, layouts, ipv6_order) if outbound else None,
    )


def local_if_luids(context: RawTree) -> list[int]:
    """Return the LUID of the local interface of each direction, unless it is None."""
    return [
        luid
        for details in context[1:]
        if details is not None and (luid := details[_TRAFFIC][_LOCAL_IF_LUID]) is not None
    ]


def unnamed_rules(context: RawTree) -> list[tuple[int, int | None, int | None]]:
    """Return ids of the rule of each direction that has no transport filter with a name.

    They are the traffic type, the id of the transport layer filter or of the tunnel's policy, and
    that of the quick mode filter; an id that is not known is None.
    """
    _, inbound, outbound = context
    if _is_named(inbound) and _is_named(outbound):  # as nearly all are
        return []
    return [
        (
            details[_TRAFFIC][_TRAFFIC_TYPE],
            details[_TRAFFIC][_POLICY_ID],
            details[_BUNDLE][_QM_FILTER_ID],
        )
        for details in (inbound, outbound)
        if not _is_named(details)
    ]


def _is_named(details: RawTree | None) -> bool:
    """Return whether an SA has a transport filter with a name, or does not exist."""
    if details is None:
        return True
    rule = details[_TRANSPORT_FILTER]
    return rule is not None and rule[_FILTER_NAME] is not None


def _details(address: int, layouts: Generation, ipv6_order: Ipv6Order) -> RawTree:
    ip_version, direction, udp, transport_filter, *tunnel = layouts.details.read(address)
    return (
        ip_version,
        direction,
        _traffic(layouts.traffic.read(address + layouts.traffic_offset), ipv6_order),
        _bundle(layouts.bundle.read(address + layouts.bundle_offset)),
        # The union has no member for IPv6, so the pointer is undefined.
        UDP_ENCAPSULATION.read(udp) if ip_version == _V4 and udp else None,
        read_filter(transport_filter) if transport_filter else None,
        tunnel or None,
    )


def _traffic(fields: RawTree, ipv6_order: Ipv6Order) -> RawTree:
    ip_version, local, remote, traffic_type, policy_id, remote_port, *newer = fields
    if ip_version == _V4:
        local, remote = ipv4_from_wfp(local), ipv4_from_wfp(remote)
    elif ip_version == _V6:
        local, remote = ipv6_order.from_wfp(local), ipv6_order.from_wfp(remote)
    else:
        local = remote = None
    local_port, ip_protocol, local_if_luid, real_if_profile_id = newer or (None, None, None, None)
    return (
        ip_version,
        local,
        remote,
        traffic_type,
        policy_id if traffic_type in _TRAFFIC_TYPES else None,
        remote_port,
        local_port,
        ip_protocol,
        local_if_luid,
        real_if_profile_id,
    )


def _bundle(fields: RawTree) -> RawTree:
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
        *newer,
    ) = fields
    lookup_context, qm_filter_id = newer or (None, None)
    return (
        flags,
        (seconds, kilobytes, packets),
        idle_timeout,
        nd_allow_clear_timeout,
        _identity(ipsec_id) if ipsec_id else None,
        nap_context,
        qm_sa_id,
        [_sa(*sa) for sa in SA.read_array(sa_list, sa_count)] if sa_list else (),
        # Read only the GUID at the start: the blob after it is the keying module's secret state.
        read_guid(key_module_state),
        ip_version,
        peer_private.to_bytes(4, "big") if ip_version == _V4 else None,
        mm_sa_id,
        pfs_group,
        lookup_context,
        qm_filter_id,
    )


def _sa(spi: int, transform_type: int, information: int) -> RawTree:
    auth: RawTree | None = None
    cipher: RawTree | None = None
    if not information:
        pass
    elif transform_type == _ESP_AUTH_AND_CIPHER:
        cipher_type, cipher_config, cipher_module, auth_type, auth_config, auth_module = (
            AUTH_AND_CIPHER.read(information)
        )
        cipher = cipher_type, cipher_config, read_guid(cipher_module)
        auth = auth_type, auth_config, read_guid(auth_module)
    elif transform_type == _ESP_CIPHER:
        cipher_type, cipher_config, cipher_module = CIPHER_TRANSFORM.read(information)
        cipher = cipher_type, cipher_config, read_guid(cipher_module)
    elif transform_type in _ONLY_AUTHENTICATING:
        auth_type, auth_config, auth_module = AUTH_TRANSFORM.read(information)
        auth = auth_type, auth_config, read_guid(auth_module)
    return spi, transform_type, auth, cipher


def _identity(address: int) -> RawTree:
    mm_target_name, em_target_name, count, tokens = IDENTITY.read(address)
    return (
        read_wide_string(mm_target_name),
        read_wide_string(em_target_name),
        TOKEN.read_array(tokens, count) if tokens else (),
    )

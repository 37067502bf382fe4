"""Net events: their records, and reading them (FWPM_NET_EVENT0 to 5, fwpmtypes.h).

Only IKE and IPsec events are read. The fields that identify an application, a user or
a package of this host are not read, nor are the groups of a principal. The names of the
principals are read; the name of the local principal may be that of a user. Docstrings
name the generations of structs as in `bindings.records`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.enums import IpVersion, NetEventFlag, NetEventType, TrafficType
from bindings.guid import guid_text
from bindings.memory import Layout, offset_of, read_guid, read_wide_string
from bindings.records import Value
from bindings.values import decode_value, read_condition_value


class MainModeFailure(NamedTuple):
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 (1, 0): a main mode negotiation failed.

    `failure_error_code` is a Win32 code. `end_cert_hash` is None if no
    certificate was used.
    """

    failure_error_code: int
    failure_point: int
    flags: int
    keying_module_type: int
    mm_state: int
    sa_role: int
    mm_auth_method: int
    end_cert_hash: bytes | None
    mm_id: int
    mm_filter_id: int
    local_principal_name: str | None
    remote_principal_name: str | None
    provider_context_key: str | None


class QuickModeFailure(NamedTuple):
    """FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 (0): a quick mode negotiation failed.

    The subnets are set only in tunnel mode (fwpmtypes.idl).
    """

    failure_error_code: int
    failure_point: int
    keying_module_type: int
    qm_state: int
    sa_role: int
    sa_traffic_type: int
    local_subnet: Value | None
    remote_subnet: Value | None
    qm_filter_id: int
    mm_sa_luid: int | None
    mm_provider_context_key: str | None


class ExtendedModeFailure(NamedTuple):
    """FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 (0): an extended mode negotiation failed."""

    failure_error_code: int
    failure_point: int
    flags: int
    em_state: int
    sa_role: int
    em_auth_method: int
    end_cert_hash: bytes | None
    mm_id: int
    qm_filter_id: int
    local_principal_name: str | None
    remote_principal_name: str | None
    sa_traffic_type: int | None


class KernelDrop(NamedTuple):
    """FWPM_NET_EVENT_IPSEC_KERNEL_DROP0: IPsec dropped a packet.

    `failure_status` is an NTSTATUS, as an unsigned number.
    """

    failure_status: int
    direction: int
    spi: int
    filter_id: int
    layer_id: int


class DospDrop(NamedTuple):
    """FWPM_NET_EVENT_IPSEC_DOSP_DROP0: IPsec DoS protection dropped a packet."""

    ip_version: int
    public_host_address: bytes | None
    internal_host_address: bytes | None
    failure_status: int
    direction: int


Failure = MainModeFailure | QuickModeFailure | ExtendedModeFailure | KernelDrop | DospDrop


class NetEvent(NamedTuple):
    """FWPM_NET_EVENT: a failure and its time.

    A field that the flags of the event's header do not mark as set is None.

    Attributes:
        type: FWPM_NET_EVENT_TYPE.
        time: FILETIME, in units of 100 ns since 1601-01-01 UTC; 0 if unknown.
        ip_version: FWP_IP_VERSION.
        ip_protocol: the protocol number in the IP header.
        local_address: packed in network order; None without an IP version.
        remote_address: packed in network order; None without an IP version.
        local_port: the local port of the negotiation or the packet.
        remote_port: the remote port of the negotiation or the packet.
        scope_id: the scope id of link-local IPv6 addresses.
        failure: the details of the failure; None for an unknown type or a NULL pointer.
    """

    type: int
    time: int
    ip_version: int | None
    ip_protocol: int | None
    local_address: bytes | None
    remote_address: bytes | None
    local_port: int | None
    remote_port: int | None
    scope_id: int | None
    failure: Failure | None


OTHER_TRAFFIC: Final = frozenset(NetEventType) - {
    NetEventType.IKEEXT_MM_FAILURE,
    NetEventType.IKEEXT_QM_FAILURE,
    NetEventType.IKEEXT_EM_FAILURE,
    NetEventType.IPSEC_KERNEL_DROP,
    NetEventType.IPSEC_DOSP_DROP,
}
"""The event types unrelated to IPsec: mostly traffic that the firewall allowed or dropped."""

_MM = (
    "failureErrorCode",
    "failurePoint",
    "flags",
    "keyingModuleType",
    "mmState",
    "saRole",
    "mmAuthMethod",
    "endCertHash",
    "mmId",
    "mmFilterId",
)
_QM = (
    "failureErrorCode",
    "failurePoint",
    "keyingModuleType",
    "qmState",
    "saRole",
    "saTrafficType",
    "localSubNet.type",
    "localSubNet.uint64",
    "remoteSubNet.type",
    "remoteSubNet.uint64",
    "qmFilterId",
)
_EM = (
    "failureErrorCode",
    "failurePoint",
    "flags",
    "emState",
    "saRole",
    "emAuthMethod",
    "endCertHash",
    "mmId",
    "qmFilterId",
)
_NAMES = ("localPrincipalNameForAuth", "remotePrincipalNameForAuth")

HEADER = Layout(
    "FWPM_NET_EVENT_HEADER0",
    "timeStamp.dwLowDateTime",
    "timeStamp.dwHighDateTime",
    "flags",
    "ipVersion",
    "ipProtocol",
    "localAddrV6.byteArray16",
    "remoteAddrV6.byteArray16",
    "localPort",
    "remotePort",
    "scopeId",
)
"""All generations of the header begin with these fields. Fields after them are not read."""

KERNEL_DROP = Layout(
    "FWPM_NET_EVENT_IPSEC_KERNEL_DROP0", "failureStatus", "direction", "spi", "filterId", "layerId"
)
DOSP_DROP = Layout(
    "FWPM_NET_EVENT_IPSEC_DOSP_DROP0",
    "ipVersion",
    "publicHostV6Addr",
    "internalHostV6Addr",
    "failureStatus",
    "direction",
)


class Generation:
    """The layouts of one generation of the net event."""

    def __init__(self, number: int, mm: int, qm: int, em: int) -> None:
        event = f"FWPM_NET_EVENT{number}"
        self.event = Layout(event, "type", "ikeMmFailure")
        self.header_offset = offset_of(event, "header")
        self.main_mode = Layout(
            f"FWPM_NET_EVENT_IKEEXT_MM_FAILURE{mm}",
            *_MM,
            *((), _NAMES, (*_NAMES, "providerContextKey"))[mm],
        )
        self.quick_mode = Layout(
            f"FWPM_NET_EVENT_IKEEXT_QM_FAILURE{qm}",
            *_QM,
            *(("mmSaLuid", "mmProviderContextKey") if qm else ()),
        )
        self.extended_mode = Layout(
            f"FWPM_NET_EVENT_IKEEXT_EM_FAILURE{em}",
            *_EM,
            *((*_NAMES, "saTrafficType") if em else ()),
        )


GENERATIONS: Final = (
    Generation(0, mm=0, qm=0, em=0),
    Generation(1, mm=1, qm=0, em=1),
    Generation(2, mm=1, qm=0, em=1),
    Generation(3, mm=1, qm=0, em=1),
    Generation(4, mm=2, qm=1, em=1),
    Generation(5, mm=2, qm=1, em=1),
)


def read_net_event(address: int, generation: int, ipv6_order: Ipv6Order) -> NetEvent | None:
    """Read the FWPM_NET_EVENT of this generation at `address`; None if it is not about IPsec.

    The record is a copy: it does not refer to the engine's memory.
    """
    layouts = GENERATIONS[generation]
    type_, failure = layouts.event.read(address)
    if type_ in OTHER_TRAFFIC:
        return None
    (
        time_low,
        time_high,
        flags,
        ip_version,
        ip_protocol,
        local,
        remote,
        local_port,
        remote_port,
        scope_id,
    ) = HEADER.read(address + layouts.header_offset)
    version = ip_version if flags & NetEventFlag.IP_VERSION_SET else None
    return NetEvent(
        type_,
        time_high << 32 | time_low,
        version,
        ip_protocol if flags & NetEventFlag.IP_PROTOCOL_SET else None,
        _address(version, local, ipv6_order) if flags & NetEventFlag.LOCAL_ADDR_SET else None,
        _address(version, remote, ipv6_order) if flags & NetEventFlag.REMOTE_ADDR_SET else None,
        local_port if flags & NetEventFlag.LOCAL_PORT_SET else None,
        remote_port if flags & NetEventFlag.REMOTE_PORT_SET else None,
        scope_id if flags & NetEventFlag.SCOPE_ID_SET else None,
        _failure(type_, failure, layouts, ipv6_order) if failure else None,
    )


def _address(ip_version: int | None, raw: bytes, ipv6_order: Ipv6Order) -> bytes | None:
    if ip_version == IpVersion.V4:
        return ipv4_from_wfp(raw)
    return ipv6_order.from_wfp(raw) if ip_version == IpVersion.V6 else None


def _failure(
    type_: int, address: int, layouts: Generation, ipv6_order: Ipv6Order
) -> Failure | None:
    match type_:
        case NetEventType.IKEEXT_MM_FAILURE:
            return _main_mode(*layouts.main_mode.read(address))
        case NetEventType.IKEEXT_QM_FAILURE:
            return _quick_mode(*layouts.quick_mode.read(address))
        case NetEventType.IKEEXT_EM_FAILURE:
            return _extended_mode(*layouts.extended_mode.read(address))
        case NetEventType.IPSEC_KERNEL_DROP:
            status, *rest = KERNEL_DROP.read(address)
            return KernelDrop._make((status & 0xFFFFFFFF, *rest))
        case NetEventType.IPSEC_DOSP_DROP:
            ip_version, public, internal, status, direction = DOSP_DROP.read(address)
            return DospDrop(
                ip_version,
                _address(ip_version, public, ipv6_order),
                _address(ip_version, internal, ipv6_order),
                status & 0xFFFFFFFF,
                direction,
            )
        case _:
            return None


def _main_mode(*fields: Any) -> MainModeFailure:
    *before, cert_hash, mm_id, filter_id = fields[: len(_MM)]
    local, remote, provider_context = (*fields[len(_MM) :], 0, 0, 0)[:3]
    key = read_guid(provider_context)
    return MainModeFailure._make(
        (
            *before,
            _hash(cert_hash),
            mm_id,
            filter_id,
            read_wide_string(local),
            read_wide_string(remote),
            None if key is None else guid_text(key),
        )
    )


def _quick_mode(*fields: Any) -> QuickModeFailure:
    *before, traffic_type, local_type, local, remote_type, remote, filter_id = fields[: len(_QM)]
    is_tunnel = traffic_type == TrafficType.TUNNEL
    mm_sa_luid, key = fields[len(_QM) :] or (None, None)
    return QuickModeFailure._make(
        (
            *before,
            traffic_type,
            decode_value(*read_condition_value(local_type, local)) if is_tunnel else None,
            decode_value(*read_condition_value(remote_type, remote)) if is_tunnel else None,
            filter_id,
            mm_sa_luid,
            None if key is None else guid_text(key),
        )
    )


def _extended_mode(*fields: Any) -> ExtendedModeFailure:
    *before, cert_hash, mm_id, filter_id = fields[: len(_EM)]
    local, remote, traffic_type = fields[len(_EM) :] or (0, 0, None)
    return ExtendedModeFailure._make(
        (
            *before,
            _hash(cert_hash),
            mm_id,
            filter_id,
            read_wide_string(local),
            read_wide_string(remote),
            traffic_type,
        )
    )


def _hash(raw: bytes) -> bytes | None:
    """Return a certificate's SHA-1 hash; None if all bytes are 0 (no certificate was used)."""
    return raw if any(raw) else None

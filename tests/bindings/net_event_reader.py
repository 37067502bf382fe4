"""A second reader of net events, to check the first one by.

As `second_reader`: each field is fetched by its name, from where Microsoft's headers
put it, and nothing is shared with the bindings but the records.
"""

from __future__ import annotations

from typing import Final

from bindings.net_event import (
    DospDrop,
    ExtendedModeFailure,
    Failure,
    KernelDrop,
    MainModeFailure,
    NetEvent,
    QuickModeFailure,
)

from .second_reader import _value as read_value
from .structs import ABI, Struct


TYPES: Final = ABI["enums"]["FWPM_NET_EVENT_TYPE"]
VERSIONS: Final = ABI["enums"]["FWP_IP_VERSION"]
TUNNEL: Final = ABI["enums"]["IPSEC_TRAFFIC_TYPE"]["IPSEC_TRAFFIC_TYPE_TUNNEL"]
IPSEC: Final = ("IKEEXT_MM_FAILURE", "IKEEXT_QM_FAILURE", "IKEEXT_EM_FAILURE")
DROPS: Final = ("IPSEC_KERNEL_DROP", "IPSEC_DOSP_DROP")
READ: Final = {TYPES[f"FWPM_NET_EVENT_TYPE_{name}"] for name in (*IPSEC, *DROPS)}
OTHERS: Final = {TYPES[name] for name in TYPES if not name.endswith("MAX")} - READ


def read_event(address: int, generation: int) -> NetEvent | None:
    """The FWPM_NET_EVENT at an address; None where it is no business of IPsec's."""
    event = Struct(f"FWPM_NET_EVENT{generation}", address)
    header, type_ = event.embedded("header"), event.number("type")
    if type_ in OTHERS:
        return None
    set_ = Flags(header.number("flags"))
    version = header.number("ipVersion") if set_.has("IP_VERSION") else None
    return NetEvent(
        type=type_,
        time=header.number("timeStamp"),  # its lower half first, as in a little-endian number
        ip_version=version,
        ip_protocol=header.number("ipProtocol") if set_.has("IP_PROTOCOL") else None,
        local_address=_address(header, "localAddr", version) if set_.has("LOCAL_ADDR") else None,
        remote_address=_address(header, "remoteAddr", version) if set_.has("REMOTE_ADDR") else None,
        local_port=header.number("localPort") if set_.has("LOCAL_PORT") else None,
        remote_port=header.number("remotePort") if set_.has("REMOTE_PORT") else None,
        scope_id=header.number("scopeId") if set_.has("SCOPE_ID") else None,
        failure=_failure(event, type_),
    )


class Flags:
    """FWPM_NET_EVENT_FLAG_*_SET."""

    def __init__(self, value: int) -> None:
        self._value = value

    def has(self, name: str) -> bool:
        return bool(self._value & ABI["constants"][f"FWPM_NET_EVENT_FLAG_{name}_SET"])


def _address(struct: Struct, field: str, version: int | None, suffix: str = "") -> bytes | None:
    if version == VERSIONS["FWP_IP_VERSION_V4"]:
        return struct.number(f"{field}V4{suffix}").to_bytes(4, "big")
    return struct.raw(f"{field}V6{suffix}") if version == VERSIONS["FWP_IP_VERSION_V6"] else None


_ARMS: Final = {
    TYPES["FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE"]: "ikeMmFailure",
    TYPES["FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE"]: "ikeQmFailure",
    TYPES["FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE"]: "ikeEmFailure",
    TYPES["FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP"]: "ipsecDrop",
    TYPES["FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP"]: "idpDrop",
}


def _failure(event: Struct, type_: int) -> Failure | None:
    arm = _ARMS.get(type_)
    failure = event.followed(arm) if arm else None
    if failure is None:
        return None
    match arm:
        case "ikeMmFailure":
            return _main_mode(failure)
        case "ikeQmFailure":
            return _quick_mode(failure)
        case "ikeEmFailure":
            return _extended_mode(failure)
        case "ipsecDrop":
            return KernelDrop(
                *(
                    failure.number(field)
                    for field in ("failureStatus", "direction", "spi", "filterId", "layerId")
                )
            )
        case _:
            version = failure.number("ipVersion")
            return DospDrop(
                ip_version=version,
                public_host_address=_address(failure, "publicHost", version, "Addr"),
                internal_host_address=_address(failure, "internalHost", version, "Addr"),
                failure_status=failure.number("failureStatus"),
                direction=failure.number("direction"),
            )


def _main_mode(failure: Struct) -> MainModeFailure:
    return MainModeFailure(
        failure_error_code=failure.number("failureErrorCode"),
        failure_point=failure.number("failurePoint"),
        flags=failure.number("flags"),
        keying_module_type=failure.number("keyingModuleType"),
        mm_state=failure.number("mmState"),
        sa_role=failure.number("saRole"),
        mm_auth_method=failure.number("mmAuthMethod"),
        end_cert_hash=_hash(failure),
        mm_id=failure.number("mmId"),
        mm_filter_id=failure.number("mmFilterId"),
        local_principal_name=_name(failure, "localPrincipalNameForAuth"),
        remote_principal_name=_name(failure, "remotePrincipalNameForAuth"),
        provider_context_key=(
            failure.guid_behind("providerContextKey") if failure.has("providerContextKey") else None
        ),
    )


def _quick_mode(failure: Struct) -> QuickModeFailure:
    key = "mmProviderContextKey"
    is_tunnel = failure.number("saTrafficType") == TUNNEL
    return QuickModeFailure(
        failure_error_code=failure.number("failureErrorCode"),
        failure_point=failure.number("failurePoint"),
        keying_module_type=failure.number("keyingModuleType"),
        qm_state=failure.number("qmState"),
        sa_role=failure.number("saRole"),
        sa_traffic_type=failure.number("saTrafficType"),
        local_subnet=read_value(failure.embedded("localSubNet")) if is_tunnel else None,
        remote_subnet=read_value(failure.embedded("remoteSubNet")) if is_tunnel else None,
        qm_filter_id=failure.number("qmFilterId"),
        mm_sa_luid=failure.number_if_there("mmSaLuid"),
        mm_provider_context_key=failure.guid(key) if failure.has(key) else None,
    )


def _extended_mode(failure: Struct) -> ExtendedModeFailure:
    return ExtendedModeFailure(
        failure_error_code=failure.number("failureErrorCode"),
        failure_point=failure.number("failurePoint"),
        flags=failure.number("flags"),
        em_state=failure.number("emState"),
        sa_role=failure.number("saRole"),
        em_auth_method=failure.number("emAuthMethod"),
        end_cert_hash=_hash(failure),
        mm_id=failure.number("mmId"),
        qm_filter_id=failure.number("qmFilterId"),
        local_principal_name=_name(failure, "localPrincipalNameForAuth"),
        remote_principal_name=_name(failure, "remotePrincipalNameForAuth"),
        sa_traffic_type=failure.number_if_there("saTrafficType"),
    )


def _hash(failure: Struct) -> bytes | None:
    raw = failure.raw("endCertHash")
    return None if raw == bytes(20) else raw


def _name(failure: Struct, field: str) -> str | None:
    return failure.text_behind(field) if failure.has(field) else None

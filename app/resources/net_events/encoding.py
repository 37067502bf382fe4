"""Net events as JSON (`app.resources.net_events.schema`)."""

from __future__ import annotations

from enum import IntFlag
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from app.resources.net_events import names as event_names
from app.resources.net_events.names import ErrorKind
from app.resources.net_events.names import NetEventType as PublicType
from app.resources.net_events.rules import UNNAMED, EventNames
from app.resources.wfp.addresses import address_text
from app.resources.wfp.failures import (
    NTSTATUS_ERROR,
    Failure,
    canonical_code,
    failure_of,
)
from app.resources.wfp.filetimes import moment_of
from app.resources.wfp.filter_encoding import value_address
from app.resources.wfp.names import IP_VERSION, Named, split_flags
from app.resources.wfp.references import main_mode_id
from app.schemas import names as public
from app.schemas.hexadecimal import hex32
from bindings import enums as wfp
from bindings.enums import NetEventType
from bindings.net_event import (
    DospDrop,
    ExtendedModeFailure,
    KernelDrop,
    MainModeFailure,
    NetEvent,
    QuickModeFailure,
)
from bindings.records import Value
from bindings.winerror import known_name


TYPES: Final[dict[int, PublicType]] = {
    NetEventType.IKEEXT_MM_FAILURE: PublicType.IKE_MAIN_MODE_FAILURE,
    NetEventType.IKEEXT_QM_FAILURE: PublicType.IKE_QUICK_MODE_FAILURE,
    NetEventType.IKEEXT_EM_FAILURE: PublicType.IKE_EXTENDED_MODE_FAILURE,
    NetEventType.IPSEC_KERNEL_DROP: PublicType.IPSEC_KERNEL_DROP,
    NetEventType.IPSEC_DOSP_DROP: PublicType.IPSEC_DOSP_DROP,
}

_FAILURE_POINT: Final = Named("failurePoint", wfp.FailurePoint, event_names.FailurePoint)
_KEYING_MODULE: Final = Named("keyingModuleType", wfp.KeyModule, public.KeyModule)
_MM_STATE: Final = Named("mmState", wfp.MmSaState, event_names.MmSaState)
_QM_STATE: Final = Named("qmState", wfp.QmSaState, event_names.QmSaState)
_EM_STATE: Final = Named("emState", wfp.EmSaState, event_names.EmSaState)
_DIRECTION: Final = Named("direction", wfp.Direction, public.Direction)
_ROLE: Final = Named("saRole", wfp.SaRole, event_names.SaRole)
_SA_TRAFFIC_TYPE: Final = Named("saTrafficType", wfp.TrafficType, public.TrafficType)
_MM_METHOD: Final = Named("mmAuthMethod", wfp.AuthenticationMethod, public.AuthenticationMethod)
_EM_METHOD: Final = Named("emAuthMethod", wfp.AuthenticationMethod, public.AuthenticationMethod)


class FailureFacts(NamedTuple):
    """What filters and counts need to know of an event's failure.

    Attributes:
        error: the error's code (`canonical_code`); None if the event has no failure.
        failure_point: the side that failed; `me` for drops, which this host made.
        role: the role of this host; None if the event is no failure of IKE.
        key_module: the keying module; None likewise. Extended mode is always AuthIP's.
    """

    error: int | None
    failure_point: event_names.FailurePoint
    role: event_names.SaRole | None
    key_module: public.KeyModule | None


def failure_facts(event: NetEvent) -> FailureFacts:
    """Return the facts of an event's failure."""
    point, key_module = event_names.FailurePoint, public.KeyModule
    match event.failure:
        case None:
            return FailureFacts(None, point.NONE, None, None)
        case KernelDrop(failure_status=code) | DospDrop(failure_status=code):
            return FailureFacts(canonical_code(code), point.ME, None, None)
        case ExtendedModeFailure() as failure:
            module = key_module.AUTHIP
        case failure:
            module = key_module(_KEYING_MODULE[failure.keying_module_type]["keyingModuleType"])
    return FailureFacts(
        canonical_code(failure.failure_error_code),
        point(_FAILURE_POINT[failure.failure_point]["failurePoint"]),
        event_names.SaRole(_ROLE[failure.sa_role]["saRole"]),
        module,
    )


def type_of(event: NetEvent) -> PublicType:
    """Return the public name of an event's type."""
    return TYPES.get(event.type, PublicType.UNKNOWN)


def encode_net_event(event: NetEvent, event_id: str, names: EventNames = UNNAMED) -> bytes:
    """Encode an event, with the names behind it, as JSON."""
    type_ = type_of(event)
    rendered = {
        "id": event_id,
        "time": moment_of(event.time),
        "type": type_.value,
        **({"typeRaw": event.type} if type_ is PublicType.UNKNOWN else {}),
        "error": _error_of(event),
        **({"ipVersion": None} if event.ip_version is None else IP_VERSION[event.ip_version]),
        "ipProtocol": event.ip_protocol,
        "localAddress": address_text(event.local_address),
        "remoteAddress": address_text(event.remote_address),
        "localPort": event.local_port,
        "remotePort": event.remote_port,
        "scopeId": event.scope_id,
        **_failure(event, names),
    }
    return orjson.dumps(rendered, option=orjson.OPT_UTC_Z)


def error_name_of(event: NetEvent) -> str | None:
    """Return the error's name in winerror.h or ntstatus.h, or None if there is no known name."""
    match event.failure:
        case None:
            return None
        case KernelDrop(failure_status=code) | DospDrop(failure_status=code):
            return _name_of(code, ErrorKind.NTSTATUS)
        case failure:
            return _name_of(failure.failure_error_code, ErrorKind.WIN32)


def _error_of(event: NetEvent) -> orjson.Fragment | None:
    match event.failure:
        case None:
            return None
        case KernelDrop(failure_status=code) | DospDrop(failure_status=code):  # this host failed
            return _error(code, ErrorKind.NTSTATUS, wfp.FailurePoint.ME)
        case failure:
            return _error(failure.failure_error_code, ErrorKind.WIN32, failure.failure_point)


@lru_cache(maxsize=1024)
def _error(code: int, kind: ErrorKind, failure_point: int) -> orjson.Fragment:
    """Return a `FailureError` object as JSON. Cached, because a host has few different errors."""
    code &= 0xFFFFFFFF
    failure = _explained(code, kind)
    advice = failure.at(failure_point) if failure else None
    return orjson.Fragment(
        orjson.dumps(
            {
                "code": code,
                "codeHex": hex32(code),
                "kind": kind.value,
                "name": _name_of(code, kind),
                "explanation": advice.explanation if advice else None,
                "check": advice.check if advice else None,
            }
        )
    )


def _name_of(code: int, kind: ErrorKind) -> str | None:
    failure = _explained(code, kind)
    if failure is not None:
        return failure.name
    return known_name(code) if kind is ErrorKind.WIN32 else None


def _explained(code: int, kind: ErrorKind) -> Failure | None:
    """Return a code's explanation. An NTSTATUS that is no error is no Win32 code of its number."""
    is_explained = kind is ErrorKind.WIN32 or code & 0xFFFFFFFF >= NTSTATUS_ERROR
    return failure_of(code) if is_explained else None


def _failure(event: NetEvent, names: EventNames) -> dict[str, Any]:
    match event.failure:
        case MainModeFailure() as failure:
            return {"ikeMmFailure": _main_mode(failure, names)}
        case QuickModeFailure() as failure:
            return {"ikeQmFailure": _quick_mode(failure, names)}
        case ExtendedModeFailure() as failure:
            return {"ikeEmFailure": _extended_mode(failure, names)}
        case KernelDrop() as drop:
            return {"ipsecDrop": _kernel_drop(drop, names)}
        case DospDrop() as drop:
            return {"idpDrop": _dosp_drop(drop)}
        case None:
            return {}


def _main_mode(failure: MainModeFailure, names: EventNames) -> dict[str, Any]:
    return {
        **_FAILURE_POINT[failure.failure_point],
        "flags": _flags(failure.flags, wfp.MainModeFailureFlag),
        **_KEYING_MODULE[failure.keying_module_type],
        **_MM_STATE[failure.mm_state],
        **_ROLE[failure.sa_role],
        **_MM_METHOD[failure.mm_auth_method],
        "endCertHash": _hex(failure.end_cert_hash),
        "mmId": main_mode_id(failure.mm_id),
        "mmFilterId": str(failure.mm_filter_id),
        **_names(names),
        "localPrincipalNameForAuth": failure.local_principal_name,
        "remotePrincipalNameForAuth": failure.remote_principal_name,
        "providerContextKey": failure.provider_context_key,
    }


def _quick_mode(failure: QuickModeFailure, names: EventNames) -> dict[str, Any]:
    return {
        **_FAILURE_POINT[failure.failure_point],
        **_KEYING_MODULE[failure.keying_module_type],
        **_QM_STATE[failure.qm_state],
        **_ROLE[failure.sa_role],
        **_SA_TRAFFIC_TYPE[failure.sa_traffic_type],
        "localSubNet": _subnet(failure.local_subnet),
        "remoteSubNet": _subnet(failure.remote_subnet),
        "qmFilterId": str(failure.qm_filter_id),
        **_names(names),
        "mmSaLuid": main_mode_id(failure.mm_sa_luid),
        "mmProviderContextKey": failure.mm_provider_context_key,
    }


def _names(names: EventNames) -> dict[str, Any]:
    return {"ruleName": names.rule, "policyName": names.policy}


def _subnet(value: Value | None) -> str | None:
    return None if value is None else value_address(value)


def _extended_mode(failure: ExtendedModeFailure, names: EventNames) -> dict[str, Any]:
    traffic_type = failure.sa_traffic_type
    return {
        **_FAILURE_POINT[failure.failure_point],
        "flags": _flags(failure.flags, wfp.ExtendedModeFailureFlag),
        **_EM_STATE[failure.em_state],
        **_ROLE[failure.sa_role],
        **_EM_METHOD[failure.em_auth_method],
        "endCertHash": _hex(failure.end_cert_hash),
        "mmId": main_mode_id(failure.mm_id),
        "qmFilterId": str(failure.qm_filter_id),
        **_names(names),
        "localPrincipalNameForAuth": failure.local_principal_name,
        "remotePrincipalNameForAuth": failure.remote_principal_name,
        **({"saTrafficType": None} if traffic_type is None else _SA_TRAFFIC_TYPE[traffic_type]),
    }


def _kernel_drop(drop: KernelDrop, names: EventNames) -> dict[str, Any]:
    return {
        **_DIRECTION[drop.direction],
        "spi": drop.spi,
        "spiHex": hex32(drop.spi),
        "filterId": str(drop.filter_id),
        **_names(names),
        "layerId": drop.layer_id,
    }


def _dosp_drop(drop: DospDrop) -> dict[str, Any]:
    return {
        **IP_VERSION[drop.ip_version],
        "publicHostAddress": address_text(drop.public_host_address),
        "internalHostAddress": address_text(drop.internal_host_address),
        **_DIRECTION[drop.direction],
    }


def _flags(value: int, flags: type[IntFlag]) -> dict[str, Any]:
    names, unknown = split_flags(flags, event_names.FailureFlag, value)
    return {"value": value, "names": sorted(names), "unknown": unknown}


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()

"""The naive way: enumerate, read attribute by attribute into dicts, validate, serialize.

This is what a competent engineer writes first: cffi's attributes, the standard
library's `ipaddress` and `uuid`, a response model. Nothing is cached.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from app.schemas import names as public
from app.schemas.hexadecimal import hex32
from benchmarks.naive_filter import filter_of, guid, named, optional_guid, text
from benchmarks.naive_weaknesses import weaknesses_of
from bindings import enums as wfp
from bindings._fwpuclnt import ffi
from bindings.enums import IpVersion, TrafficType, TransformType
from bindings.session import Session
from bindings.well_known import KEYING_MODULES


def pages(session: Session, size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the contexts of a new enumeration, `size` at a time."""
    handle = ffi.new("HANDLE *")
    session.call("IPsecSaContextCreateEnumHandle0", ffi.NULL, handle)
    try:
        while True:
            returned = ffi.new("UINT32 *")
            with session.result("IPSEC_SA_CONTEXT1 ***") as entries:
                session.call("IPsecSaContextEnum1", handle[0], size, entries, returned)
                page = [sa_context(entries[0][index]) for index in range(returned[0])]
            yield page
            if len(page) < size:
                return
    finally:
        session.call("IPsecSaContextDestroyEnumHandle0", handle[0])


def page_of(items: list[dict[str, Any]], engine: str) -> dict[str, Any]:
    """Return a page in the public shape, not yet validated."""
    return {
        "items": items,
        "snapshot": {
            "epoch": "naive",
            "revision": 1,
            "takenAt": datetime.now(UTC),
            "host": socket.gethostname(),
            "engine": engine,
        },
    }


def sa_context(entry: Any) -> dict[str, Any]:
    """Return the public shape of an IPSEC_SA_CONTEXT1."""
    return {
        "saContextId": str(entry.saContextId),
        "inboundSa": _details(entry.inboundSa) if entry.inboundSa else None,
        "outboundSa": _details(entry.outboundSa) if entry.outboundSa else None,
    }


def _details(details: Any) -> dict[str, Any]:
    udp = None
    if details.ipVersion == IpVersion.V4 and details.udpEncapsulation:
        udp = {
            "localUdpEncapPort": details.udpEncapsulation.localUdpEncapPort,
            "remoteUdpEncapPort": details.udpEncapsulation.remoteUdpEncapPort,
        }
    return {
        **_ip_version(details.ipVersion),
        **named("saDirection", wfp.Direction, public.Direction, details.saDirection),
        "weaknesses": weaknesses_of(details.saBundle),
        "ruleName": text(details.transportFilter.displayData.name)  # none is looked up
        if details.transportFilter
        else None,
        "traffic": _traffic(details.traffic),
        "saBundle": _bundle(details.saBundle),
        "udpEncapsulation": udp,
        "transportFilter": filter_of(details.transportFilter) if details.transportFilter else None,
        "virtualIfTunnelInfo": {
            "virtualIfTunnelId": str(details.virtualIfTunnelInfo.virtualIfTunnelId),
            "trafficSelectorId": str(details.virtualIfTunnelInfo.trafficSelectorId),
        },
    }


def _ip_version(number: int) -> dict[str, str | int]:
    return named("ipVersion", wfp.IpVersion, public.IpVersion, number)


def _traffic(traffic: Any) -> dict[str, Any]:
    local = remote = None
    if traffic.ipVersion == IpVersion.V4:
        local = str(IPv4Address(traffic.localV4Address))
        remote = str(IPv4Address(traffic.remoteV4Address))
    elif traffic.ipVersion == IpVersion.V6:
        local = str(IPv6Address(bytes(traffic.localV6Address)))
        remote = str(IPv6Address(bytes(traffic.remoteV6Address)))
    rendered = {
        **_ip_version(traffic.ipVersion),
        "localAddress": local,
        "remoteAddress": remote,
        **named("trafficType", wfp.TrafficType, public.TrafficType, traffic.trafficType),
        "remotePort": traffic.remotePort,
        "localPort": traffic.localPort,
        "ipProtocol": traffic.ipProtocol,
        "localIfLuid": str(traffic.localIfLuid),
        "realIfProfileId": traffic.realIfProfileId,
    }
    if traffic.trafficType == TrafficType.TRANSPORT:
        rendered["ipsecFilterId"] = str(traffic.ipsecFilterId)
    elif traffic.trafficType == TrafficType.TUNNEL:
        rendered["tunnelPolicyId"] = str(traffic.tunnelPolicyId)
    return rendered


def _bundle(bundle: Any) -> dict[str, Any]:
    is_v4 = bundle.ipVersion == IpVersion.V4
    return {
        "flags": _flags(bundle.flags),
        "lifetime": {
            "lifetimeSeconds": bundle.lifetime.lifetimeSeconds,
            "lifetimeKilobytes": bundle.lifetime.lifetimeKilobytes,
            "lifetimePackets": bundle.lifetime.lifetimePackets,
        },
        "idleTimeoutSeconds": bundle.idleTimeoutSeconds,
        "ndAllowClearTimeoutSeconds": bundle.ndAllowClearTimeoutSeconds,
        "ipsecId": _identity(bundle.ipsecId) if bundle.ipsecId else None,
        "napContext": bundle.napContext,
        "qmSaId": bundle.qmSaId,
        "saList": [_sa(bundle.saList[index]) for index in range(bundle.numSAs)],
        "keyModuleState": _key_module(bundle.keyModuleState) if bundle.keyModuleState else None,
        **_ip_version(bundle.ipVersion),
        "peerV4PrivateAddress": str(IPv4Address(bundle.peerV4PrivateAddress)) if is_v4 else None,
        "mmSaId": str(bundle.mmSaId) if bundle.mmSaId else None,
        **named("pfsGroup", wfp.PfsGroup, public.PfsGroup, bundle.pfsGroup),
        "saLookupContext": guid(bundle.saLookupContext),
        "qmFilterId": str(bundle.qmFilterId),
    }


def _flags(value: int) -> dict[str, Any]:
    known = [flag for flag in wfp.BundleFlag if value & flag]
    bandwidth = value >> wfp.BUNDLE_TUNNEL_BANDWIDTH_SHIFT
    return {
        "value": value,
        "names": [public.BundleFlag[str(flag.name)] for flag in known],
        "tunnelBandwidth": bandwidth,
        "unknown": value & ~sum(known) & ~(bandwidth << wfp.BUNDLE_TUNNEL_BANDWIDTH_SHIFT),
    }


def _identity(identity: Any) -> dict[str, Any]:
    return {
        "mmTargetName": text(identity.mmTargetName),
        "emTargetName": text(identity.emTargetName),
        "tokens": [_token(identity.tokens[index]) for index in range(identity.numTokens)],
    }


def _token(token: Any) -> dict[str, Any]:
    return {
        **named("type", wfp.TokenType, public.TokenType, token.type),
        **named("principal", wfp.TokenPrincipal, public.TokenPrincipal, token.principal),
        **named("mode", wfp.TokenMode, public.TokenMode, token.mode),
    }


def _key_module(state: Any) -> dict[str, Any]:
    key = guid(state.keyModuleKey)
    rendered = {"keyModuleKey": key}
    if key in KEYING_MODULES:
        rendered["keyModule"] = KEYING_MODULES[key]
    return rendered


def _sa(sa: Any) -> dict[str, Any]:
    type_ = sa.saTransformType
    transform: dict[str, Any] = dict(
        named("transformType", wfp.TransformType, public.TransformType, type_)
    )
    if type_ == TransformType.ESP_AUTH_AND_CIPHER:
        both = sa.espAuthAndCipherInformation
        transform["authTransform"] = _auth(both.saAuthInformation) if both else None
        transform["cipherTransform"] = _cipher(both.saCipherInformation) if both else None
    elif type_ == TransformType.ESP_CIPHER:
        cipher = sa.espCipherInformation
        transform["cipherTransform"] = _cipher(cipher) if cipher else None
    elif type_ in (TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW):
        auth = sa.ahInformation
        transform["authTransform"] = _auth(auth) if auth else None
    return {"spi": sa.spi, "spiHex": hex32(sa.spi), "transform": transform}


def _auth(information: Any) -> dict[str, Any]:
    transform = information.authTransform
    ids = transform.authTransformId
    return {
        **named("authType", wfp.AuthType, public.AuthType, ids.authType),
        **named("authConfig", wfp.AuthConfig, public.AuthConfig, ids.authConfig),
        "cryptoModuleId": optional_guid(transform.cryptoModuleId),
    }


def _cipher(information: Any) -> dict[str, Any]:
    transform = information.cipherTransform
    ids = transform.cipherTransformId
    return {
        **named("cipherType", wfp.CipherType, public.CipherType, ids.cipherType),
        **named("cipherConfig", wfp.CipherConfig, public.CipherConfig, ids.cipherConfig),
        "cryptoModuleId": optional_guid(transform.cryptoModuleId),
    }

"""SA contexts as JSON (`app.resources.sa_contexts.schema`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import orjson

from app.resources.sa_contexts.rules import Lookup, no_names, rule_name
from app.resources.sa_contexts.weaknesses import weaknesses_of
from app.resources.wfp.addresses import address_text
from app.resources.wfp.filter_encoding import render_filter
from app.resources.wfp.ikeext_encoding import render_udp_encapsulation
from app.resources.wfp.names import (
    AUTH_CONFIG,
    AUTH_TYPE,
    CIPHER_CONFIG,
    CIPHER_TYPE,
    IP_VERSION,
    PFS_GROUP,
    SA_DIRECTION,
    TOKEN_MODE,
    TOKEN_PRINCIPAL,
    TOKEN_TYPE,
    TRAFFIC_TYPE,
    TRANSFORM_TYPE,
    bundle_flags,
)
from app.resources.wfp.references import main_mode_id
from app.schemas.hexadecimal import hex32
from app.schemas.names import Baseline
from bindings.enums import AUTHENTICATING, ENCRYPTING, TrafficType
from bindings.records import (
    AuthTransform,
    CipherTransform,
    Identity,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Traffic,
)
from bindings.well_known import KEYING_MODULES


InterfaceAlias = Callable[[int], str | None]
"""Returns the alias of the interface with the given LUID, or None if the alias is unknown."""

_POLICY_ID: Final[dict[int, str]] = {
    TrafficType.TRANSPORT: "ipsecFilterId",
    TrafficType.TUNNEL: "tunnelPolicyId",
}


def no_alias(luid: int) -> None:
    """Return None for any interface."""


def encode_sa_context(
    context: SaContext,
    alias: InterfaceAlias = no_alias,
    baseline: Baseline = Baseline.NIST_SP_800_77R1,
    lookup: Lookup = no_names,
) -> bytes:
    """Encode a context as JSON."""
    return orjson.dumps(render_sa_context(context, alias, baseline, lookup))


def render_sa_context(
    context: SaContext,
    alias: InterfaceAlias = no_alias,
    baseline: Baseline = Baseline.NIST_SP_800_77R1,
    lookup: Lookup = no_names,
) -> dict[str, Any]:
    """Return a context as an `SaContext` object."""
    inbound, outbound = context.inbound_sa, context.outbound_sa
    return {
        "saContextId": str(context.sa_context_id),
        "inboundSa": None if inbound is None else _details(inbound, alias, baseline, lookup),
        "outboundSa": None if outbound is None else _details(outbound, alias, baseline, lookup),
    }


def _details(
    details: SaDetails, alias: InterfaceAlias, baseline: Baseline, lookup: Lookup
) -> dict[str, Any]:
    udp, transport_filter = details.udp_encapsulation, details.transport_filter
    rendered: dict[str, Any] = {
        **IP_VERSION[details.ip_version],
        **SA_DIRECTION[details.sa_direction],
        "weaknesses": weaknesses_of(details.sa_bundle, baseline),
        "ruleName": rule_name(details, lookup),
        "traffic": _traffic(details.traffic, alias),
        "saBundle": _bundle(details.sa_bundle),
        "udpEncapsulation": None if udp is None else render_udp_encapsulation(udp),
        "transportFilter": None if transport_filter is None else render_filter(transport_filter),
    }
    if details.virtual_if_tunnel_info is not None:
        tunnel_id, selector_id = details.virtual_if_tunnel_info
        rendered["virtualIfTunnelInfo"] = {
            "virtualIfTunnelId": str(tunnel_id),
            "trafficSelectorId": str(selector_id),
        }
    return rendered


def _traffic(traffic: Traffic, alias: InterfaceAlias) -> dict[str, Any]:
    rendered = {
        **IP_VERSION[traffic.ip_version],
        "localAddress": address_text(traffic.local_address),
        "remoteAddress": address_text(traffic.remote_address),
        **TRAFFIC_TYPE[traffic.traffic_type],
        "remotePort": traffic.remote_port,
    }
    policy = _POLICY_ID.get(traffic.traffic_type)
    if policy:
        rendered[policy] = str(traffic.policy_id)
    if traffic.local_if_luid is not None:
        rendered["localPort"] = traffic.local_port
        rendered["ipProtocol"] = traffic.ip_protocol
        rendered["localIfLuid"] = str(traffic.local_if_luid)
        rendered["realIfProfileId"] = traffic.real_if_profile_id
        name = alias(traffic.local_if_luid)
        if name is not None:
            rendered["localIfAlias"] = name
    return rendered


def _bundle(bundle: SaBundle) -> dict[str, Any]:
    lifetime, identity = bundle.lifetime, bundle.ipsec_id
    rendered = {
        "flags": bundle_flags(bundle.flags),
        "lifetime": {
            "lifetimeSeconds": lifetime.seconds,
            "lifetimeKilobytes": lifetime.kilobytes,
            "lifetimePackets": lifetime.packets,
        },
        "idleTimeoutSeconds": bundle.idle_timeout_seconds,
        "ndAllowClearTimeoutSeconds": bundle.nd_allow_clear_timeout_seconds,
        "ipsecId": None if identity is None else _identity(identity),
        "napContext": bundle.nap_context,
        "qmSaId": bundle.qm_sa_id,
        "saList": [_sa(sa) for sa in bundle.sa_list],
        "keyModuleState": None
        if bundle.key_module_key is None
        else _key_module(bundle.key_module_key),
        **IP_VERSION[bundle.ip_version],
        "peerV4PrivateAddress": address_text(bundle.peer_v4_private_address),
        "mmSaId": main_mode_id(bundle.mm_sa_id),
        **PFS_GROUP[bundle.pfs_group],
    }
    if bundle.sa_lookup_context is not None:
        rendered["saLookupContext"] = bundle.sa_lookup_context
        rendered["qmFilterId"] = str(bundle.qm_filter_id)
    return rendered


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "mmTargetName": identity.mm_target_name,
        "emTargetName": identity.em_target_name,
        "tokens": [
            {**TOKEN_TYPE[type_], **TOKEN_PRINCIPAL[principal], **TOKEN_MODE[mode]}
            for type_, principal, mode in identity.tokens
        ],
    }


def _key_module(key: str) -> dict[str, Any]:
    name = KEYING_MODULES.get(key)
    return {"keyModuleKey": key, **({"keyModule": name} if name else {})}


def _sa(sa: Sa) -> dict[str, Any]:
    spi, type_, auth, cipher = sa
    return {
        "spi": spi,
        "spiHex": hex32(spi),
        "transform": _transform(type_, auth, cipher),
    }


@lru_cache(maxsize=1024)
def _transform(
    type_: int, auth: AuthTransform | None, cipher: CipherTransform | None
) -> dict[str, Any]:
    """Return an `SaTransform` object. Cached, because a host has few different transforms."""
    transform = {**TRANSFORM_TYPE[type_]}
    if type_ in AUTHENTICATING:
        transform["authTransform"] = _auth(auth)
    if type_ in ENCRYPTING:
        transform["cipherTransform"] = _cipher(cipher)
    return transform


def _auth(transform: AuthTransform | None) -> dict[str, Any] | None:
    if transform is None:
        return None
    auth_type, config, module = transform
    return {**AUTH_TYPE[auth_type], **AUTH_CONFIG[config], "cryptoModuleId": module}


def _cipher(transform: CipherTransform | None) -> dict[str, Any] | None:
    if transform is None:
        return None
    cipher_type, config, module = transform
    return {**CIPHER_TYPE[cipher_type], **CIPHER_CONFIG[config], "cryptoModuleId": module}

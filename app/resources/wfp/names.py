"""Converts WFP's enumeration values and flags to JSON members with public names."""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum
from functools import lru_cache
from typing import Any

from app.schemas import names as public
from bindings import enums as wfp


class Named(dict[int, dict[str, Any]]):
    """Maps an enumeration value to JSON members, which callers merge into an object.

    The members are `{field: name}`. For a value without a name, they are
    `{field: "unknown", fieldRaw: value}`.
    """

    def __init__(self, field: str, numbers: type[IntEnum], names: type[StrEnum]) -> None:
        super().__init__({n.value: {field: names[n.name].value} for n in numbers})
        self._field = field

    def __missing__(self, number: int) -> dict[str, Any]:
        return {self._field: "unknown", f"{self._field}Raw": number}


IP_VERSION = Named("ipVersion", wfp.IpVersion, public.IpVersion)
SA_DIRECTION = Named("saDirection", wfp.Direction, public.Direction)
TRAFFIC_TYPE = Named("trafficType", wfp.TrafficType, public.TrafficType)
TRANSFORM_TYPE = Named("transformType", wfp.TransformType, public.TransformType)
AUTH_TYPE = Named("authType", wfp.AuthType, public.AuthType)
AUTH_CONFIG = Named("authConfig", wfp.AuthConfig, public.AuthConfig)
CIPHER_TYPE = Named("cipherType", wfp.CipherType, public.CipherType)
CIPHER_CONFIG = Named("cipherConfig", wfp.CipherConfig, public.CipherConfig)
PFS_GROUP = Named("pfsGroup", wfp.PfsGroup, public.PfsGroup)
TOKEN_TYPE = Named("type", wfp.TokenType, public.TokenType)
TOKEN_PRINCIPAL = Named("principal", wfp.TokenPrincipal, public.TokenPrincipal)
TOKEN_MODE = Named("mode", wfp.TokenMode, public.TokenMode)
DATA_TYPE = Named("type", wfp.DataType, public.DataType)
MATCH_TYPE = Named("matchType", wfp.MatchType, public.MatchType)
ACTION_TYPE = Named("type", wfp.ActionType, public.ActionType)
IPSEC_TRAFFIC_MODE_TYPE = Named("ipsecTrafficModeType", wfp.TrafficType, public.TrafficType)
KEY_MODULE = Named("keyModuleType", wfp.KeyModule, public.KeyModule)
IKE_CIPHER = Named("algoIdentifier", wfp.IkeCipher, public.IkeCipher)
IKE_INTEGRITY = Named("algoIdentifier", wfp.IkeIntegrity, public.IkeIntegrity)
DH_GROUP = Named("dhGroup", wfp.DhGroup, public.DhGroup)
AUTHENTICATION_METHOD = Named(
    "authenticationMethodType", wfp.AuthenticationMethod, public.AuthenticationMethod
)
IMPERSONATION = Named("impersonationType", wfp.Impersonation, public.Impersonation)


def split_flags(flags: type[IntFlag], names: type[StrEnum], value: int) -> tuple[list[str], int]:
    """Return the names of the bits of `value` that have a name, and the remaining bits."""
    known = [flag for flag in flags if value & flag]
    return [names[str(flag.name)].value for flag in known], value & ~sum(known)


@lru_cache(maxsize=1024)
def bundle_flags(value: int) -> dict[str, Any]:
    """Return a bundle's flags as a `BundleFlags` object."""
    names, rest = split_flags(wfp.BundleFlag, public.BundleFlag, value)
    bandwidth = value >> wfp.BUNDLE_TUNNEL_BANDWIDTH_SHIFT
    unknown = rest & ((1 << wfp.BUNDLE_TUNNEL_BANDWIDTH_SHIFT) - 1)
    return {"value": value, "names": names, "tunnelBandwidth": bandwidth, "unknown": unknown}


@lru_cache(maxsize=1024)
def filter_flags(value: int) -> dict[str, Any]:
    """Return a filter's flags as a `FilterFlags` object."""
    names, unknown = split_flags(wfp.FilterFlag, public.FilterFlag, value)
    return {"value": value, "names": names, "unknown": unknown}

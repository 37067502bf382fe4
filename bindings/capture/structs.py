"""The captured fields of each struct of WFP, and the conditions under which each field exists.

A capture reads no other fields. The list excludes keys (`authKey`, `cipherKey`, `presharedKey`,
`correlationKey`), states and tokens (`stateBlob`, `token`, `explicitCredentials`, `logonId`,
`tokenAccessInformation`), whole certificates, policies except the flags, endpoints and idle
timeouts of tunnels, opaque data of providers, and the programs, users and groups of net events. The
types and offsets of the fields are those of the headers in `bindings/cdef`.

The switches of unions and the counts of arrays are from Microsoft's interface definitions
(fwptypes.idl, fwpmtypes.idl, ipsectypes.idl, iketypes.idl: github.com/microsoft/win32metadata).
Fields of a net event's header exist only if its `flags` say so (FWPM_NET_EVENT_HEADER3,
learn.microsoft.com/windows/win32/api/fwpmtypes/ns-fwpmtypes-fwpm_net_event_header3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bindings._fwpuclnt import ffi
from bindings.credentials import BY_CERTIFICATE, BY_NAME_OF_GENERATION
from bindings.enums import (
    DataType,
    FilterFlag,
    IpVersion,
    NetEventFlag,
    NetEventType,
    ProviderContextType,
    TrafficType,
    TransformType,
)


CALLOUT: Final = 0x4000
"""FWP_ACTION_FLAG_CALLOUT (fwptypes.h)."""


class Role(Enum):
    """What a field says about a host. This determines how the field is masked."""

    NEUTRAL = auto()
    """Nothing. Texts, SIDs and bytes are nevertheless masked, whatever their role."""

    ADDRESS = auto()
    """An IP address: a UINT32, or 16 bytes in the engine's order (`Ipv6Order`)."""

    CONDITION = auto()
    """A value that may be an IP address: a UINT32, or 16 bytes in network order."""

    SUBJECT = auto()
    """The subject of a certificate, in DER."""


@dataclass(frozen=True, slots=True)
class When:
    """A condition on another field of the same struct.

    It holds if the value of the field `switch`, ANDed with `mask`, is in `values`.
    """

    switch: str
    values: frozenset[int]
    mask: int

    def holds(self, value: int) -> bool:
        """Return whether the condition holds if the field `switch` has this value."""
        return value & self.mask in self.values


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct.

    Attributes:
        name: its name in the headers.
        conditions: the field exists only if all of them hold.
        count: if the field points to an array, the name of the field with the array's length.
        role: how to mask the field.
    """

    name: str
    conditions: tuple[When, ...] = ()
    count: str | None = None
    role: Role = Role.NEUTRAL


def _when(switch: str, *values: int, mask: int = 0xFFFFFFFF) -> When:
    return When(switch, frozenset(map(int, values)), mask)


def _flag(flag: int) -> When:
    return _when("flags", flag, mask=flag)


def _fields(
    names: str, *conditions: When, count: str | None = None, role: Role = Role.NEUTRAL
) -> tuple[Field, ...]:
    return tuple(Field(name, conditions, count, role) for name in names.split())


def _arms(switch: str, arms: Mapping[int, str]) -> tuple[Field, ...]:
    """Return the members of a union; `arms` maps a value of the switch to the existing member."""
    return tuple(Field(name, (_when(switch, value),)) for value, name in arms.items())


_V4, _V6 = _when("ipVersion", IpVersion.V4), _when("ipVersion", IpVersion.V6)
_TUNNEL = _when("trafficType", TrafficType.TUNNEL)


def _addresses(v4: str, v6: str) -> tuple[Field, ...]:
    return (*_fields(v4, _V4, role=Role.ADDRESS), *_fields(v6, _V6, role=Role.ADDRESS))


_ENDPOINTS = (
    *_fields("ipVersion"),
    *_addresses("localV4Address remoteV4Address", "localV6Address remoteV6Address"),
)

_VALUE: Final[dict[int, str]] = {
    DataType.UINT8: "uint8",
    DataType.UINT16: "uint16",
    DataType.UINT32: "uint32",
    DataType.UINT64: "uint64",
    DataType.INT8: "int8",
    DataType.INT16: "int16",
    DataType.INT32: "int32",
    DataType.INT64: "int64",
    DataType.FLOAT: "float32",
    DataType.DOUBLE: "double64",
    DataType.BYTE_ARRAY16: "byteArray16",
    DataType.BYTE_BLOB: "byteBlob",
    DataType.SID: "sid",
    DataType.SECURITY_DESCRIPTOR: "sd",
    DataType.TOKEN_INFORMATION: "tokenInformation",
    DataType.UNICODE_STRING: "unicodeString",
    DataType.BYTE_ARRAY6: "byteArray6",
}
_CONDITION_VALUE: Final = {
    **_VALUE,
    DataType.V4_ADDR_MASK: "v4AddrMask",
    DataType.V6_ADDR_MASK: "v6AddrMask",
    DataType.RANGE: "rangeValue",
}

_VALUES: Final[dict[str, tuple[Field, ...]]] = {
    "FILETIME": _fields("dwLowDateTime dwHighDateTime"),
    "SID_AND_ATTRIBUTES": _fields("Sid Attributes"),
    "FWP_BYTE_BLOB": (*_fields("size"), *_fields("data", count="size")),
    "FWP_BYTE_ARRAY6": _fields("byteArray6"),
    "FWP_BYTE_ARRAY16": _fields("byteArray16"),
    "FWP_V4_ADDR_AND_MASK": _fields("addr mask"),
    "FWP_V6_ADDR_AND_MASK": _fields("addr prefixLength"),
    "FWP_TOKEN_INFORMATION": (
        *_fields("sidCount"),
        *_fields("sids", count="sidCount"),
        *_fields("restrictedSidCount"),
        *_fields("restrictedSids", count="restrictedSidCount"),
    ),
    "FWP_VALUE0": (*_fields("type"), *_arms("type", _VALUE)),
    "FWP_RANGE0": _fields("valueLow valueHigh"),
    "FWP_CONDITION_VALUE0": (*_fields("type"), *_arms("type", _CONDITION_VALUE)),
}

_HAS_CONTEXT = int(FilterFlag.HAS_PROVIDER_CONTEXT)
_FILTERS: Final[dict[str, tuple[Field, ...]]] = {
    "FWPM_DISPLAY_DATA0": _fields("name description"),
    "FWPM_ACTION0": (
        *_fields("type"),
        *_fields("filterType", _when("type", 0, mask=CALLOUT)),
        *_fields("calloutKey", _when("type", CALLOUT, mask=CALLOUT)),
    ),
    "FWPM_FILTER_CONDITION0": (
        *_fields("fieldKey matchType"),
        *_fields("conditionValue", role=Role.CONDITION),
    ),
    "FWPM_FILTER0": (
        *_fields("filterKey displayData flags providerKey layerKey subLayerKey weight"),
        *_fields("numFilterConditions"),
        *_fields("filterCondition", count="numFilterConditions"),
        *_fields("action"),
        *_fields("rawContext", _when("flags", 0, mask=_HAS_CONTEXT)),
        *_fields("providerContextKey", _flag(_HAS_CONTEXT)),
        *_fields("filterId effectiveWeight"),
    ),
}

_TUNNELS: Final[dict[int, str]] = {
    ProviderContextType.IPSEC_IKE_QM_TUNNEL_CONTEXT: "ikeQmTunnelPolicy",
    ProviderContextType.IPSEC_AUTHIP_QM_TUNNEL_CONTEXT: "authipQmTunnelPolicy",
}
_TUNNELS_SINCE_WINDOWS_7: Final[dict[int, str]] = {
    **_TUNNELS,
    ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT: "ikeV2QmTunnelPolicy",
}
_POLICIES: Final[dict[str, tuple[Field, ...]]] = {
    "IPSEC_TUNNEL_ENDPOINT0": (*_fields("ipVersion"), *_addresses("v4Address", "v6Address")),
    "IPSEC_TUNNEL_ENDPOINTS0": _ENDPOINTS,
    "IPSEC_TUNNEL_ENDPOINTS1": (*_ENDPOINTS, *_fields("localIfLuid")),
    "IPSEC_TUNNEL_ENDPOINTS2": (
        *_ENDPOINTS,
        *_fields("localIfLuid remoteFqdn numAddresses"),
        *_fields("remoteAddresses", count="numAddresses"),
    ),
    "IPSEC_SA_IDLE_TIMEOUT0": _fields("idleTimeoutSeconds idleTimeoutSecondsFailOver"),
    **{f"IPSEC_TUNNEL_POLICY{n}": _fields("flags tunnelEndpoints saIdleTimeout") for n in range(4)},
    **{
        f"FWPM_PROVIDER_CONTEXT{n}": (
            *_fields("providerContextKey displayData providerKey type"),
            *_arms("type", _TUNNELS_SINCE_WINDOWS_7 if n else _TUNNELS),
            *_fields("providerContextId"),
        )
        for n in range(4)
    },
}

_TRAFFIC: Final = (
    *_ENDPOINTS,
    *_fields("trafficType"),
    *_fields("ipsecFilterId", _when("trafficType", TrafficType.TRANSPORT)),
    *_fields("tunnelPolicyId", _TUNNEL),
    *_fields("remotePort"),
)
_BUNDLE: Final = (
    *_fields("flags lifetime idleTimeoutSeconds ndAllowClearTimeoutSeconds ipsecId napContext"),
    *_fields("qmSaId numSAs"),
    *_fields("saList", count="numSAs"),
    *_fields("keyModuleState ipVersion"),
    *_fields("peerV4PrivateAddress", _V4, role=Role.ADDRESS),
    *_fields("mmSaId pfsGroup"),
)
_DETAILS: Final = (
    *_fields("ipVersion saDirection traffic saBundle"),
    *_fields("udpEncapsulation", _V4),
    *_fields("transportFilter"),
)
_CONTEXTS: Final[dict[str, tuple[Field, ...]]] = {
    "IPSEC_TRAFFIC0": _TRAFFIC,
    "IPSEC_TRAFFIC1": (
        *_TRAFFIC,
        *_fields("localPort ipProtocol localIfLuid realIfProfileId"),
    ),
    "IPSEC_SA_BUNDLE0": _BUNDLE,
    "IPSEC_SA_BUNDLE1": (*_BUNDLE, *_fields("saLookupContext qmFilterId")),
    "IPSEC_SA_LIFETIME0": _fields("lifetimeSeconds lifetimeKilobytes lifetimePackets"),
    "IPSEC_ID0": (
        *_fields("mmTargetName emTargetName numTokens"),
        *_fields("tokens", count="numTokens"),
    ),
    "IPSEC_TOKEN0": _fields("type principal mode"),
    "IPSEC_KEYMODULE_STATE0": _fields("keyModuleKey"),
    "IPSEC_SA0": (
        *_fields("spi saTransformType"),
        *_arms(
            "saTransformType",
            {
                TransformType.AH: "ahInformation",
                TransformType.ESP_AUTH: "espAuthInformation",
                TransformType.ESP_CIPHER: "espCipherInformation",
                TransformType.ESP_AUTH_AND_CIPHER: "espAuthAndCipherInformation",
                TransformType.ESP_AUTH_FW: "espAuthFwInformation",
            },
        ),
    ),
    "IPSEC_SA_AUTH_INFORMATION0": _fields("authTransform"),
    "IPSEC_SA_CIPHER_INFORMATION0": _fields("cipherTransform"),
    "IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0": _fields("saCipherInformation saAuthInformation"),
    "IPSEC_AUTH_TRANSFORM0": _fields("authTransformId cryptoModuleId"),
    "IPSEC_AUTH_TRANSFORM_ID0": _fields("authType authConfig"),
    "IPSEC_CIPHER_TRANSFORM0": _fields("cipherTransformId cryptoModuleId"),
    "IPSEC_CIPHER_TRANSFORM_ID0": _fields("cipherType cipherConfig"),
    "IPSEC_V4_UDP_ENCAPSULATION0": _fields("localUdpEncapPort remoteUdpEncapPort"),
    "IPSEC_VIRTUAL_IF_TUNNEL_INFO0": _fields("virtualIfTunnelId trafficSelectorId"),
    "IPSEC_SA_DETAILS0": _DETAILS,
    "IPSEC_SA_DETAILS1": (*_DETAILS, *_fields("virtualIfTunnelInfo")),
    **{f"IPSEC_SA_CONTEXT{n}": _fields("saContextId inboundSa outboundSa") for n in (0, 1)},
}

_CERTIFICATE: Final = (
    *_fields("subjectName", role=Role.SUBJECT),
    *_fields("certHash flags"),
)
_IKE_SA: Final = (
    *_fields("saId keyModuleType ipVersion"),
    *_fields("v4UdpEncapsulation", _V4),
    *_fields("ikeTraffic ikeProposal cookiePair ikeCredentials ikePolicyKey virtualIfTunnelId"),
)
_IKE_SAS: Final[dict[str, tuple[Field, ...]]] = {
    "IKEEXT_TRAFFIC0": (*_ENDPOINTS, *_fields("authIpFilterId")),
    "IKEEXT_COOKIE_PAIR0": _fields("initiator responder"),
    "IKEEXT_CIPHER_ALGORITHM0": _fields("algoIdentifier keyLen rounds"),
    "IKEEXT_INTEGRITY_ALGORITHM0": _fields("algoIdentifier"),
    "IKEEXT_PROPOSAL0": _fields(
        "cipherAlgorithm integrityAlgorithm maxLifetimeSeconds dhGroup quickModeLimit"
    ),
    "IKEEXT_NAME_CREDENTIAL0": _fields("principalName"),
    **{f"IKEEXT_CERTIFICATE_CREDENTIAL{n}": _CERTIFICATE for n in (0, 1)},
    **{
        f"IKEEXT_CREDENTIAL{n}": (
            *_fields("authenticationMethodType impersonationType"),
            *_fields("certificate", _when("authenticationMethodType", *BY_CERTIFICATE)),
            *_fields("name", _when("authenticationMethodType", *names)),
        )
        for n, names in enumerate(BY_NAME_OF_GENERATION)
    },
    **{f"IKEEXT_CREDENTIAL_PAIR{n}": _fields("localCredentials peerCredentials") for n in range(3)},
    **{
        f"IKEEXT_CREDENTIALS{n}": (
            *_fields("numCredentials"),
            *_fields("credentials", count="numCredentials"),
        )
        for n in range(3)
    },
    **{f"IKEEXT_SA_DETAILS{n}": _IKE_SA for n in range(3)},
    "FWPM_CONNECTION0": (
        *_fields("connectionId"),
        *_ENDPOINTS,
        *_fields("providerKey ipsecTrafficModeType keyModuleType mmCrypto mmPeer emPeer"),
        *_fields("bytesTransferredIn bytesTransferredOut bytesTransferredTotal startSysTime"),
    ),
}

_HAS_VERSION = _flag(NetEventFlag.IP_VERSION_SET)
_HAS_LOCAL = _flag(NetEventFlag.LOCAL_ADDR_SET)
_HAS_REMOTE = _flag(NetEventFlag.REMOTE_ADDR_SET)
_HEADER: Final = (
    *_fields("timeStamp flags"),
    *_fields("ipVersion", _HAS_VERSION),
    *_fields("ipProtocol", _flag(NetEventFlag.IP_PROTOCOL_SET)),
    *_fields("localAddrV4", _HAS_VERSION, _HAS_LOCAL, _V4, role=Role.ADDRESS),
    *_fields("localAddrV6", _HAS_VERSION, _HAS_LOCAL, _V6, role=Role.ADDRESS),
    *_fields("remoteAddrV4", _HAS_VERSION, _HAS_REMOTE, _V4, role=Role.ADDRESS),
    *_fields("remoteAddrV6", _HAS_VERSION, _HAS_REMOTE, _V6, role=Role.ADDRESS),
    *_fields("localPort", _flag(NetEventFlag.LOCAL_PORT_SET)),
    *_fields("remotePort", _flag(NetEventFlag.REMOTE_PORT_SET)),
    *_fields("scopeId", _flag(NetEventFlag.SCOPE_ID_SET)),
)
_MM_FAILURE: Final = _fields(
    "failureErrorCode failurePoint flags keyingModuleType mmState saRole mmAuthMethod endCertHash"
    " mmId mmFilterId"
)
_QM_TUNNEL: Final = _when("saTrafficType", TrafficType.TUNNEL)
_QM_FAILURE: Final = (
    *_fields("failureErrorCode failurePoint keyingModuleType qmState saRole saTrafficType"),
    *_fields("localSubNet remoteSubNet", _QM_TUNNEL, role=Role.CONDITION),
    *_fields("qmFilterId"),
)
_EM_FAILURE: Final = _fields(
    "failureErrorCode failurePoint flags emState saRole emAuthMethod endCertHash mmId qmFilterId"
)
_NAMES: Final = _fields("localPrincipalNameForAuth remotePrincipalNameForAuth")
_NET_EVENTS: Final[dict[str, tuple[Field, ...]]] = {
    **{f"FWPM_NET_EVENT_HEADER{n}": _HEADER for n in range(4)},
    "FWPM_NET_EVENT_IKEEXT_MM_FAILURE0": _MM_FAILURE,
    "FWPM_NET_EVENT_IKEEXT_MM_FAILURE1": (*_MM_FAILURE, *_NAMES),
    "FWPM_NET_EVENT_IKEEXT_MM_FAILURE2": (
        *_MM_FAILURE,
        *_NAMES,
        *_fields("providerContextKey"),
    ),
    "FWPM_NET_EVENT_IKEEXT_QM_FAILURE0": _QM_FAILURE,
    "FWPM_NET_EVENT_IKEEXT_QM_FAILURE1": (
        *_QM_FAILURE,
        *_fields("mmSaLuid mmProviderContextKey"),
    ),
    "FWPM_NET_EVENT_IKEEXT_EM_FAILURE0": _EM_FAILURE,
    "FWPM_NET_EVENT_IKEEXT_EM_FAILURE1": (*_EM_FAILURE, *_NAMES, *_fields("saTrafficType")),
    "FWPM_NET_EVENT_IPSEC_KERNEL_DROP0": _fields("failureStatus direction spi filterId layerId"),
    "FWPM_NET_EVENT_IPSEC_DOSP_DROP0": (
        *_fields("ipVersion"),
        *_addresses("publicHostV4Addr internalHostV4Addr", "publicHostV6Addr internalHostV6Addr"),
        *_fields("failureStatus direction"),
    ),
    **{
        f"FWPM_NET_EVENT{n}": (
            *_fields("header type"),
            *_arms(
                "type",
                {
                    NetEventType.IKEEXT_MM_FAILURE: "ikeMmFailure",
                    NetEventType.IKEEXT_QM_FAILURE: "ikeQmFailure",
                    NetEventType.IKEEXT_EM_FAILURE: "ikeEmFailure",
                    NetEventType.IPSEC_KERNEL_DROP: "ipsecDrop",
                    NetEventType.IPSEC_DOSP_DROP: "idpDrop",
                },
            ),
        )
        for n in range(6)
    },
}

_COUNTERS: Final = {
    name: _fields(" ".join(member for member, _ in ffi.typeof(name).fields))
    for name in ffi.list_types()[0]
    if name.endswith(("_STATISTICS0", "_STATISTICS1"))
}
"""The structs of the statistics; all their fields are captured."""

STRUCTS: Final[Mapping[str, tuple[Field, ...]]] = {
    **_VALUES,
    **_FILTERS,
    **_POLICIES,
    **_CONTEXTS,
    **_IKE_SAS,
    **_NET_EVENTS,
    **_COUNTERS,
}
"""The captured fields of each struct. Switches and counts precede the fields that need them."""

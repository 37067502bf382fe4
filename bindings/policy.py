"""Policy: filters and the provider contexts that they refer to, read one by one (fwpmu.h).

The provider contexts of main modes contain preshared keys. Therefore each provider context is
freed at once, and only those of tunnels are enumerated (`bindings.tunnel_policies`). Of a policy,
only the flags, endpoints and idle timeouts of a tunnel are read: no layout names anything else,
and the headers do not even declare it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.enums import FilterFlag, IpVersion, ProviderContextType
from bindings.errors import NotFound, NotSupported, reading
from bindings.guid import guid_text, well_known_guid_text
from bindings.memory import Layout, offset_of, read_guid, read_wide_string
from bindings.records import Value
from bindings.session import Session
from bindings.values import decode_value, read_value
from bindings.winerror import WinError


T = TypeVar("T")

NEWEST: Final = 3
"""The newest generation of provider contexts."""
MAX_ADDRESSES: Final = 1000
"""Maximum number of addresses of a remote endpoint's name."""


class PolicyFilter(NamedTuple):
    """FWPM_FILTER0: what a filter is called, where it applies and which policy it leads to.

    `provider_context_key` is None if the filter refers to no provider context.
    """

    filter_key: str
    name: str | None
    description: str | None
    provider_key: str | None
    layer_key: str
    sub_layer_key: str
    action_type: int
    provider_context_key: str | None
    filter_id: int
    effective_weight: Value


class TunnelEndpoints(NamedTuple):
    """IPSEC_TUNNEL_ENDPOINTS2 (1, 0): the outer addresses that a tunnel's policy names.

    `remote_addresses` are the addresses that `remote_fqdn` stands for; those of an unknown IP
    version are omitted.
    """

    ip_version: int
    local_address: bytes | None
    remote_address: bytes | None
    local_if_luid: int | None
    remote_fqdn: str | None
    remote_addresses: tuple[bytes, ...]


class TunnelPolicy(NamedTuple):
    """IPSEC_TUNNEL_POLICY3 (2, 1, 0), without its proposals and its extended mode policy.

    `flags` are those of `PolicyFlag`. An SA is idle after `idle_timeout_seconds` without traffic,
    or after `failover_idle_timeout_seconds` if the peer supports fail-over
    (IPSEC_SA_IDLE_TIMEOUT0).
    """

    flags: int
    endpoints: TunnelEndpoints
    idle_timeout_seconds: int
    failover_idle_timeout_seconds: int


class ProviderContext(NamedTuple):
    """FWPM_PROVIDER_CONTEXT3 (2, 1, 0); of its policy, only that of a tunnel.

    `tunnel_policy` is None if the type is not that of a tunnel in this generation, or the
    context has no policy.
    """

    provider_context_key: str
    name: str | None
    description: str | None
    provider_key: str | None
    type: int
    tunnel_policy: TunnelPolicy | None
    provider_context_id: int


FILTER: Final = Layout(
    "FWPM_FILTER0",
    "filterKey",
    "displayData.name",
    "displayData.description",
    "flags",
    "providerKey",
    "layerKey",
    "subLayerKey",
    "action.type",
    "providerContextKey",
    "filterId",
    "effectiveWeight.type",
    "effectiveWeight.uint64",
)
PROVIDER_CONTEXT: Final = Layout(
    "FWPM_PROVIDER_CONTEXT3",
    "providerContextKey",
    "displayData.name",
    "displayData.description",
    "providerKey",
    "type",
    "ikeQmTunnelPolicy",
    "providerContextId",
)
"""This layout fits all generations; only the policies that the struct points to differ."""

_ADDRESSES: Final = ("ipVersion", "localV6Address", "remoteV6Address")
_NAMES: Final = ("remoteFqdn", "numAddresses", "remoteAddresses")
ENDPOINTS: Final = (
    Layout("IPSEC_TUNNEL_ENDPOINTS0", *_ADDRESSES),
    Layout("IPSEC_TUNNEL_ENDPOINTS1", *_ADDRESSES, "localIfLuid"),
    Layout("IPSEC_TUNNEL_ENDPOINTS2", *_ADDRESSES, "localIfLuid", *_NAMES),
    Layout("IPSEC_TUNNEL_ENDPOINTS2", *_ADDRESSES, "localIfLuid", *_NAMES),
)
"""The endpoints in the policy of each generation."""
ENDPOINT: Final = Layout("IPSEC_TUNNEL_ENDPOINT0", "ipVersion", "v6Address")

TUNNEL_POLICY: Final = tuple(
    Layout(
        f"IPSEC_TUNNEL_POLICY{generation}",
        "flags",
        "saIdleTimeout.idleTimeoutSeconds",
        "saIdleTimeout.idleTimeoutSecondsFailOver",
    )
    for generation in range(NEWEST + 1)
)
_ENDPOINTS_OFFSETS: Final = tuple(
    offset_of(f"IPSEC_TUNNEL_POLICY{generation}", "tunnelEndpoints")
    for generation in range(NEWEST + 1)
)
_TUNNELS: Final = (
    ProviderContextType.IPSEC_IKE_QM_TUNNEL_CONTEXT,
    ProviderContextType.IPSEC_AUTHIP_QM_TUNNEL_CONTEXT,
)
_TUNNELS_SINCE_WINDOWS_7: Final = (*_TUNNELS, ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT)
_V4: Final = int(IpVersion.V4)
_V6: Final = int(IpVersion.V6)


def read_policy_filter(address: int) -> PolicyFilter:
    """Read the FWPM_FILTER0 at `address`, without its conditions and opaque data."""
    (
        filter_key,
        name,
        description,
        flags,
        provider_key,
        layer_key,
        sub_layer_key,
        action_type,
        provider_context_key,
        filter_id,
        weight_type,
        weight,
    ) = FILTER.read(address)
    has_context = flags & FilterFlag.HAS_PROVIDER_CONTEXT  # otherwise it is the raw context
    return PolicyFilter(
        guid_text(filter_key),
        read_wide_string(name),
        read_wide_string(description),
        _guid_at(provider_key),
        well_known_guid_text(layer_key),
        well_known_guid_text(sub_layer_key),
        action_type,
        guid_text(provider_context_key) if has_context else None,
        filter_id,
        decode_value(*read_value(weight_type, weight)),
    )


def tunnel_types(generation: int) -> tuple[ProviderContextType, ...]:
    """Return the types of provider contexts whose policy is a tunnel's in this generation."""
    return _TUNNELS if generation == 0 else _TUNNELS_SINCE_WINDOWS_7


def read_provider_context(address: int, generation: int, ipv6_order: Ipv6Order) -> ProviderContext:
    """Read the FWPM_PROVIDER_CONTEXT0, 1, 2 or 3 at `address`; of its policy, only a tunnel's."""
    key, name, description, provider_key, type_, policy, context_id = PROVIDER_CONTEXT.read(address)
    is_tunnel = type_ in tunnel_types(generation)
    return ProviderContext(
        guid_text(key),
        read_wide_string(name),
        read_wide_string(description),
        _guid_at(provider_key),
        type_,
        _tunnel_policy(policy, generation, ipv6_order) if is_tunnel and policy else None,
        context_id,
    )


def _tunnel_policy(policy: int, generation: int, ipv6_order: Ipv6Order) -> TunnelPolicy:
    """Read the IPSEC_TUNNEL_POLICY0, 1, 2 or 3 at `policy`."""
    flags, idle, failover_idle = TUNNEL_POLICY[generation].read(policy)
    return TunnelPolicy(flags, _endpoints(policy, generation, ipv6_order), idle, failover_idle)


def _endpoints(policy: int, generation: int, ipv6_order: Ipv6Order) -> TunnelEndpoints:
    """Read the endpoints in the IPSEC_TUNNEL_POLICY0, 1, 2 or 3 at `policy`.

    Raises:
        struct.error: a name has more than `MAX_ADDRESSES` addresses.
    """
    version, local, remote, *newer = ENDPOINTS[generation].read(
        policy + _ENDPOINTS_OFFSETS[generation]
    )
    luid, fqdn, count, remotes = (*newer, None, 0, 0, 0)[:4]
    if count > MAX_ADDRESSES and remotes:
        raise struct.error("a name with too many addresses")
    addresses = [
        _address(each_version, each_address, ipv6_order)
        for each_version, each_address in (ENDPOINT.read_array(remotes, count) if remotes else ())
    ]
    return TunnelEndpoints(
        version,
        _address(version, local, ipv6_order),
        _address(version, remote, ipv6_order),
        luid,
        read_wide_string(fqdn),
        tuple([packed for packed in addresses if packed is not None]),
    )


def _address(version: int, raw: bytes, ipv6_order: Ipv6Order) -> bytes | None:
    if version == _V4:
        return ipv4_from_wfp(raw)
    return ipv6_order.from_wfp(raw) if version == _V6 else None


def _guid_at(address: int) -> str | None:
    raw = read_guid(address)
    return None if raw is None else well_known_guid_text(raw)


class Policy:
    """A reader of filters and provider contexts through one session.

    Provider contexts are read by the newest generation, up to the requested one, that the
    library exports and the engine implements.

    Attributes:
        generation: the generation of provider contexts in use.
    """

    def __init__(
        self,
        session: Session,
        *,
        generation: int = NEWEST,
        ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
    ) -> None:
        """Create a reader.

        Args:
            session: the session to use.
            generation: the newest generation of provider contexts to use.
            ipv6_order: see `Ipv6Order`.
        """
        self.generation = generation
        self._session = session
        self._ipv6_order = ipv6_order

    def get_filter(self, filter_id: int) -> PolicyFilter:
        """Return the filter with this id, valid within one run of the engine.

        Raises:
            NotFound: there is no such filter, for example because IKE added it for a time.
            NotSupported: the library or the engine lacks the function.
            AccessDenied: the account lacks FWPM_ACTRL_READ.
            EngineGone: the engine stopped or the session died.
            MalformedAnswer: a pointer leads outside the address space, or a count or a string
                exceeds its limit.
            EngineError: any other error of the engine.
        """
        return self._read("FwpmFilterGetById0", "FWPM_FILTER0 **", filter_id, read_policy_filter)

    def get_context(self, context_id: int) -> ProviderContext:
        """Return the provider context with this id; errors as for `get_filter`."""
        return self._context("ById", context_id)

    def get_context_by_key(self, key: str) -> ProviderContext:
        """Return the provider context with this key, a GUID; errors as for `get_filter`."""
        guid = ffi.new("GUID *")
        ffi.buffer(guid)[:] = UUID(key).bytes_le
        return self._context("ByKey", guid)

    def _context(self, by: str, identifier: Any) -> ProviderContext:
        while True:
            generation = self.generation
            try:
                return self._read(
                    f"FwpmProviderContextGet{by}{generation}",
                    f"FWPM_PROVIDER_CONTEXT{generation} **",
                    identifier,
                    lambda address: read_provider_context(
                        address,
                        self.generation,
                        self._ipv6_order,
                    ),
                )
            except NotSupported:
                if generation == 0:
                    raise
                self.generation -= 1

    def _read(
        self, function: str, pointer_type: str, identifier: Any, read: Callable[[int], T]
    ) -> T:
        with self._session.result(pointer_type) as found:
            self._session.call(function, identifier, found)
            if not found[0]:  # the call succeeded, but returned no object
                raise NotFound(WinError.FWP_E_NOT_FOUND, function)
            with reading(function):
                return read(int(ffi.cast("uintptr_t", found[0])))

"""Configured tunnels: what their policies say, in the API's form.

A tunnel is the policy of quick mode in tunnel mode, a provider context of WFP. Its key, a GUID,
identifies it, as a number in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from app.resources.filters.encoding import encode_endpoints
from app.resources.wfp.indexed_names import NameKind, pack_names
from app.schemas.names import KeyModule
from bindings.enums import ProviderContextType
from bindings.indirect_strings import display_name
from bindings.policy import ProviderContext, TunnelEndpoints


KEY_MODULES: Final = {
    ProviderContextType.IPSEC_IKE_QM_TUNNEL_CONTEXT: KeyModule.IKE,
    ProviderContextType.IPSEC_AUTHIP_QM_TUNNEL_CONTEXT: KeyModule.AUTHIP,
    ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT: KeyModule.IKEV2,
}


class ConfiguredTunnel(NamedTuple):
    """A configured tunnel.

    Attributes:
        number: its key as a number, in the order of the key's text.
        key_module: the keying module that its policy is for.
        local: the packed local address; None: any.
        remotes: the packed remote addresses, of which a name may have several; empty: any, or a
            name without a known address.
        remote_fqdn: the DNS name of the remote endpoint; None: an address.
        is_template: whether an endpoint is any address or a name.
        names: its name, packed (`app.resources.wfp.indexed_names`).
        members: the members of `TunnelBase` that its policy determines, without braces.
    """

    number: int
    key_module: KeyModule
    local: bytes | None
    remotes: tuple[bytes, ...]
    remote_fqdn: str | None
    is_template: bool
    names: bytes
    members: bytes


def number_of_key(key: str) -> int:
    """Return the number of a tunnel, given its key."""
    return UUID(key).int


def key_of_number(number: int) -> str:
    """Return the key of a tunnel, given its number."""
    return str(UUID(int=number))


def tunnel_of(
    policy: ProviderContext, alias: Callable[[int], str | None]
) -> ConfiguredTunnel | None:
    """Return the tunnel that a policy configures; None if the engine gave no endpoints.

    Args:
        policy: the policy.
        alias: returns the name of an interface, given its LUID.
    """
    if policy.tunnel_policy is None:
        return None
    endpoints = policy.tunnel_policy.endpoints
    name = display_name(policy.name)
    module = KEY_MODULES.get(ProviderContextType(policy.type), KeyModule.UNKNOWN)
    local = _known(endpoints.local_address)
    remotes = _remotes(endpoints)
    shown: dict[str, Any] = {
        "providerContextId": str(policy.provider_context_id),
        "name": name,
        "description": display_name(policy.description),
        "keyModule": module,
        "idleTimeoutSeconds": policy.tunnel_policy.idle_timeout_seconds,
        "tunnelEndpoints": encode_endpoints(endpoints),
    }
    interface = endpoints.local_if_luid and alias(endpoints.local_if_luid)
    if interface:
        shown["localIfAlias"] = interface
    return ConfiguredTunnel(
        number_of_key(policy.provider_context_key),
        module,
        local,
        remotes,
        endpoints.remote_fqdn,
        is_template=local is None or not remotes or endpoints.remote_fqdn is not None,
        names=pack_names(NameKind.RULE, [name]),
        members=orjson.dumps(shown)[1:-1],
    )


def _known(address: bytes | None) -> bytes | None:
    """Return an address; None if it is unspecified, which stands for any."""
    return address if address and any(address) else None


def _remotes(endpoints: TunnelEndpoints) -> tuple[bytes, ...]:
    addresses = (endpoints.remote_address, *endpoints.remote_addresses)
    return tuple(dict.fromkeys(each for each in map(_known, addresses) if each is not None))

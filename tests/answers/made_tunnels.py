"""Policies of tunnels, as the simulator takes them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID

from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from tests.bindings.trees import Tree


LOCAL: Final = "192.0.2.53"
_number: Final = ffi.integer_const
IKEV2: Final = _number("FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT")


def put_tunnel(
    simulator: Simulator,
    name: str,
    remote: str,
    *,
    local: str = LOCAL,
    fqdn: str | None = None,
    type_: int = IKEV2,
    key: int,
) -> int:
    """Configure a tunnel; return the id of its policy.

    Args:
        simulator: the simulator.
        name: the display name.
        remote: the remote endpoint, an IPv4 address.
        local: the local endpoint, an IPv4 address.
        fqdn: the name of the remote endpoint, which stands for `remote`.
        type_: the type of the provider context.
        key: the number of the policy's key, and its id.
    """
    tree = Tree(3, struct="FWPM_PROVIDER_CONTEXT")
    context: Any = tree.context
    ffi.buffer(ffi.addressof(context, "providerContextKey"))[:] = UUID(int=key).bytes_le
    context.displayData.name = tree.text(name.encode("utf-16-le"))
    context.type, context.providerContextId = type_, key
    policy = tree.new("IPSEC_TUNNEL_POLICY3")
    policy.saIdleTimeout.idleTimeoutSeconds = 300
    endpoints = policy.tunnelEndpoints
    endpoints.ipVersion = _number("FWP_IP_VERSION_V4")
    endpoints.localV4Address = int(ip_address(local))
    endpoints.remoteV4Address = int(ip_address(remote))
    if fqdn is not None:
        endpoints.remoteFqdn = tree.text(fqdn.encode("utf-16-le"))
        endpoints.remoteAddresses = resolved = tree.new("IPSEC_TUNNEL_ENDPOINT0")
        endpoints.numAddresses = 1
        resolved.ipVersion = _number("FWP_IP_VERSION_V4")
        resolved.v4Address = int(ip_address(remote))
    context.ikeQmTunnelPolicy = policy
    return simulator.put_provider_context(tree.address)

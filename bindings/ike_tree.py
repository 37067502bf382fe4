"""Reading main mode SAs: from the engine's memory to raw trees.

A raw tree holds everything that its record contains. No layout names the secrets
presharedKey and correlationKey, so they are not read.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from bindings.addresses import Ipv6Order, ipv4_from_wfp
from bindings.credentials import read_credential
from bindings.enums import IpVersion
from bindings.memory import Layout, RawTree, collected
from bindings.tree import UDP_ENCAPSULATION


SA = Layout(
    "IKEEXT_SA_DETAILS2",
    "saId",
    "keyModuleType",
    "ipVersion",
    "v4UdpEncapsulation",
    "ikeTraffic.ipVersion",
    "ikeTraffic.localV6Address",
    "ikeTraffic.remoteV6Address",
    "ikeTraffic.authIpFilterId",
    "ikeProposal.cipherAlgorithm.algoIdentifier",
    "ikeProposal.cipherAlgorithm.keyLen",
    "ikeProposal.cipherAlgorithm.rounds",
    "ikeProposal.integrityAlgorithm.algoIdentifier",
    "ikeProposal.maxLifetimeSeconds",
    "ikeProposal.dhGroup",
    "ikeProposal.quickModeLimit",
    "cookiePair.initiator",
    "cookiePair.responder",
    "ikeCredentials.numCredentials",
    "ikeCredentials.credentials",
    "ikePolicyKey",
    "virtualIfTunnelId",
)
"""This layout fits all generations; only the credentials that the struct points to differ."""

SA_ID = Layout("IKEEXT_SA_DETAILS2", "saId")
CREDENTIAL_PAIR = Layout(
    "IKEEXT_CREDENTIAL_PAIR2",
    "localCredentials.authenticationMethodType",
    "localCredentials.impersonationType",
    "localCredentials.certificate",
    "peerCredentials.authenticationMethodType",
    "peerCredentials.impersonationType",
    "peerCredentials.certificate",
)
_V4: Final = int(IpVersion.V4)
_V6: Final = int(IpVersion.V6)


def read_ike_sa_id(address: int) -> int:
    """Read the id of the IKEEXT_SA_DETAILS0, 1 or 2 at `address`."""
    sa_id: int = SA_ID.read(address)[0]
    return sa_id


def read_ike_sa(address: int, generation: int, ipv6_order: Ipv6Order) -> RawTree:
    """Copy the IKEEXT_SA_DETAILS0, 1 or 2 at `address`."""
    (
        sa_id,
        key_module_type,
        ip_version,
        udp,
        traffic_version,
        local,
        remote,
        auth_ip_filter_id,
        *proposal,
        initiator,
        responder,
        credential_count,
        credentials,
        policy_key,
        tunnel_id,
    ) = SA.read(address)
    if traffic_version == _V4:
        local, remote = ipv4_from_wfp(local), ipv4_from_wfp(remote)
    elif traffic_version == _V6:
        local, remote = ipv6_order.from_wfp(local), ipv6_order.from_wfp(remote)
    else:
        local = remote = None
    return (
        sa_id,
        key_module_type,
        ip_version,
        # The union has no member for IPv6, so the pointer is undefined.
        UDP_ENCAPSULATION.read(udp) if ip_version == _V4 and udp else None,
        (traffic_version, local, remote, auth_ip_filter_id),
        tuple(proposal),
        (initiator, responder),
        collected(
            partial(_credential_pair, generation),
            CREDENTIAL_PAIR.read_array(credentials, credential_count),
        )
        if credentials
        else (),
        policy_key,
        tunnel_id,
    )


def _credential_pair(
    generation: int,
    local_method: int,
    local_impersonation: int,
    local_proof: int,
    peer_method: int,
    peer_impersonation: int,
    peer_proof: int,
) -> RawTree:
    return (
        read_credential(local_method, local_impersonation, local_proof, generation),
        read_credential(peer_method, peer_impersonation, peer_proof, generation),
    )

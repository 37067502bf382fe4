"""Decoding main mode SAs: from the raw trees of `bindings.ike_tree` to records."""

from __future__ import annotations

from bindings.credentials import decode_credential
from bindings.guid import guid_text
from bindings.ike_records import (
    CookiePair,
    CredentialPair,
    IkeProposal,
    IkeSa,
    IkeTraffic,
)
from bindings.memory import RawTree
from bindings.records import UdpEncapsulation


def decode_ike_sa(sa: RawTree) -> IkeSa:
    """Decode a copied main mode SA."""
    (
        sa_id,
        key_module_type,
        ip_version,
        udp,
        traffic,
        proposal,
        cookies,
        credentials,
        policy_key,
        tunnel_id,
    ) = sa
    return IkeSa(
        sa_id,
        key_module_type,
        ip_version,
        None if udp is None else UdpEncapsulation._make(udp),
        IkeTraffic._make(traffic),
        IkeProposal._make(proposal),
        CookiePair._make(cookies),
        tuple(
            [
                CredentialPair(decode_credential(*local), decode_credential(*peer))
                for local, peer in credentials
            ]
        ),
        guid_text(policy_key),
        tunnel_id,
    )

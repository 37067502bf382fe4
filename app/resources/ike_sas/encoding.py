"""Main mode SAs as JSON (`app.resources.ike_sas.schema`)."""

from __future__ import annotations

from typing import Any

import orjson

from app.resources.ike_sas.weaknesses import weaknesses_of
from app.resources.wfp.addresses import address_text
from app.resources.wfp.ikeext_encoding import (
    render_credential,
    render_proposal,
    render_udp_encapsulation,
)
from app.resources.wfp.names import IP_VERSION, KEY_MODULE
from app.schemas.hexadecimal import hex64
from app.schemas.names import Baseline
from bindings.ike_records import IkeSa, IkeTraffic


def encode_ike_sa(sa: IkeSa, baseline: Baseline = Baseline.NIST_SP_800_77R1) -> bytes:
    """Encode a main mode SA as JSON, with its weaknesses judged against a baseline."""
    return orjson.dumps(render_ike_sa(sa, baseline))


def render_ike_sa(sa: IkeSa, baseline: Baseline = Baseline.NIST_SP_800_77R1) -> dict[str, Any]:
    """Return a main mode SA as an `IkeSa` object."""
    udp, cookies = sa.v4_udp_encapsulation, sa.cookie_pair
    return {
        "saId": str(sa.sa_id),
        **KEY_MODULE[sa.key_module_type],
        **IP_VERSION[sa.ip_version],
        "weaknesses": weaknesses_of(sa, baseline),
        "v4UdpEncapsulation": None if udp is None else render_udp_encapsulation(udp),
        "ikeTraffic": _traffic(sa.ike_traffic),
        "ikeProposal": render_proposal(sa.ike_proposal),
        "cookiePair": {
            "initiator": str(cookies.initiator),
            "initiatorHex": hex64(cookies.initiator),
            "responder": str(cookies.responder),
            "responderHex": hex64(cookies.responder),
        },
        "ikeCredentials": [
            {
                "localCredentials": render_credential(pair.local_credentials),
                "peerCredentials": render_credential(pair.peer_credentials),
            }
            for pair in sa.ike_credentials
        ],
        "ikePolicyKey": sa.ike_policy_key,
        "virtualIfTunnelId": str(sa.virtual_if_tunnel_id),
    }


def _traffic(traffic: IkeTraffic) -> dict[str, Any]:
    return {
        **IP_VERSION[traffic.ip_version],
        "localAddress": address_text(traffic.local_address),
        "remoteAddress": address_text(traffic.remote_address),
        "authIpFilterId": str(traffic.auth_ip_filter_id),
    }

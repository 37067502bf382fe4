"""The rows of tables of SA contexts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.cli.columns import Column
from app.cli.printable import printable
from app.resources.sa_contexts.protection import named, protection_of


class Row(NamedTuple):
    """A context as printable texts: its outbound SA or, if it has none, its inbound SA."""

    remote: str
    protection: str
    weaknesses: str
    state: str
    local: str
    sa_context_id: str
    rule: str
    peer: str
    pfs: str
    mode: str
    traffic: str


COLUMNS: Final = (
    Column("Remote", is_essential=True),
    Column("Protection", min_width=15, usual_width=34, is_essential=True),
    Column("Weaknesses", min_width=10, usual_width=26, is_essential=True),
    Column("State", is_essential=True),
    Column("Local"),
    Column("SA context"),
    Column("Rule", min_width=12, usual_width=30),
    Column("Peer", min_width=12, usual_width=30),
    Column("PFS"),
    Column("Mode"),
    Column("Traffic"),
)
"""The columns of a table of rows.

The essential columns fit in 80 cells, even if the remote address is the longest IPv6 address.
"""

PROTOCOLS: Final = {0: "*", 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
"""Usual names of protocol numbers; 0 means any protocol."""


def row_of(context: Mapping[str, Any]) -> Row:
    """Return the row of an `SaContext` object of the API (`app.resources.sa_contexts.schema`)."""
    sa_context_id = printable(context["saContextId"])
    sa = context["outboundSa"] or context["inboundSa"]
    if sa is None:
        return Row("", "", "", state_of(context), "", sa_context_id, "", "", "", "", "")
    bundle, traffic = sa["saBundle"], sa["traffic"]
    identity = bundle.get("ipsecId") or {}  # absent in the basic view
    cells = (
        remote_endpoint(sa),
        protection_of(bundle["saList"]),
        " ".join(sa["weaknesses"]),
        state_of(context),
        traffic["localAddress"] or "",
        sa_context_id,
        (sa["transportFilter"] or {}).get("name") or "",
        identity.get("emTargetName") or identity.get("mmTargetName") or "",
        named(bundle, "pfsGroup"),
        named(traffic, "trafficType"),
        traffic_of(traffic),
    )
    return Row(*map(printable, cells))


def state_of(context: Mapping[str, Any]) -> str:
    """Return a text that says which SAs a context has."""
    if context["inboundSa"] is None:
        return "no SAs" if context["outboundSa"] is None else "out only"
    return "in only" if context["outboundSa"] is None else "complete"


def remote_endpoint(sa: Mapping[str, Any]) -> str:
    """Return an SA's remote address, with the port if ESP is encapsulated in UDP (RFC 3948).

    The port distinguishes peers behind the same NAT.
    """
    address, udp = sa["traffic"]["remoteAddress"] or "", sa["udpEncapsulation"]
    if not udp:
        return address
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{udp['remoteUdpEncapPort']}"


def traffic_of(traffic: Mapping[str, Any]) -> str:
    """Return protocol, local and remote port, with `*` for any; empty if all three are any."""
    protocol, *ports = (traffic.get(n) or 0 for n in ("ipProtocol", "localPort", "remotePort"))
    if not protocol and not any(ports):
        return ""
    local, remote = (port or "*" for port in ports)
    return f"{PROTOCOLS.get(protocol, protocol)} {local} > {remote}"

"""One-line summaries of SA contexts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.cli.columns import Column
from app.cli.printable import printable
from app.resources.sa_contexts.protection import named, protection_of


class Row(NamedTuple):
    """A context's outbound SA, or the inbound one if there is no other; printable."""

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
"""The columns of a table of rows. At 80 columns, the essential ones fit beside an IPv6 address."""

PROTOCOLS: Final = {0: "*", 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
"""Usual names of protocol numbers."""


def row_of(context: Mapping[str, Any]) -> Row:
    """Return the row of a context in the API's form (`app.resources.sa_contexts.schema`)."""
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
    """Return which of its SAs a context has."""
    if context["inboundSa"] is None:
        return "no SAs" if context["outboundSa"] is None else "out only"
    return "in only" if context["outboundSa"] is None else "complete"


def remote_endpoint(sa: Mapping[str, Any]) -> str:
    """Return an SA's remote address, with the UDP port if ESP is encapsulated (RFC 3948).

    The port distinguishes peers that share the address of one NAT.
    """
    address, udp = sa["traffic"]["remoteAddress"] or "", sa["udpEncapsulation"]
    if not udp:
        return address
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{udp['remoteUdpEncapPort']}"


def traffic_of(traffic: Mapping[str, Any]) -> str:
    """Return protocol, local port and remote port, `*` for any; empty if none is restricted."""
    protocol, *ports = (traffic.get(n) or 0 for n in ("ipProtocol", "localPort", "remotePort"))
    if not protocol and not any(ports):
        return ""
    local, remote = (port or "*" for port in ports)
    return f"{PROTOCOLS.get(protocol, protocol)} {local} > {remote}"

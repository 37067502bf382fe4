"""The rows of tables of SA contexts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.cli.columns import Column
from app.cli.printable import printable
from app.resources.sa_contexts.protection import named


class Row(NamedTuple):
    """A context in the view `summary` as printable texts."""

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

STATES: Final = {
    "complete": "complete",
    "inbound_only": "in only",
    "outbound_only": "out only",
    "no_sa": "no SAs",
}
"""The texts for `state`."""

PROTOCOLS: Final = {0: "*", 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
"""Usual names of protocol numbers; 0 means any protocol."""


def row_of(context: Mapping[str, Any]) -> Row:
    """Return the row of a `SummarizedSaContext` object of the API."""
    ports = (context["ipProtocol"], context["localPort"], context["remotePort"])
    cells = (
        endpoint(context["remoteAddress"], context["remoteUdpEncapPort"]),
        context["protection"] or "",
        " ".join(context["weaknesses"]),
        STATES.get(context["state"], context["state"]),
        context["localAddress"] or "",
        context["saContextId"],
        context["ruleName"] or "",
        context["principalName"] or "",
        named(context, "pfsGroup"),
        named(context, "trafficType"),
        traffic_of(*ports),
    )
    return Row(*map(printable, cells))


def endpoint(address: str | None, udp_port: int | None) -> str:
    """Return an address, with the port if ESP is encapsulated in UDP (RFC 3948).

    The port distinguishes peers behind the same NAT.
    """
    if not address or udp_port is None:
        return address or ""
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{udp_port}"


def traffic_of(protocol: int | None, local_port: int | None, remote_port: int | None) -> str:
    """Return protocol, local and remote port, with `*` for any; empty if all three are any."""
    if not protocol and not local_port and not remote_port:
        return ""
    return f"{PROTOCOLS.get(protocol or 0, protocol)} {local_port or '*'} > {remote_port or '*'}"

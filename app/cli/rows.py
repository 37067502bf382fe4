"""One-line summaries of SA contexts."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from app.cli.columns import Column
from app.cli.printable import printable


class Row(NamedTuple):
    """A context's outbound SA, or the inbound one if there is no other; printable."""

    sa_context_id: str
    mode: str
    local: str
    remote: str
    protection: str
    pfs: str
    state: str
    peer: str
    rule: str
    weaknesses: str


COLUMNS: Final = (
    Column("SA context", is_needed=True),
    Column("Mode", is_needed=True),
    Column("Local", is_needed=True),
    Column("Remote", is_needed=True),
    Column("Protection", is_needed=True),
    Column("PFS"),
    Column("State"),
    Column("Peer", may_be_cut=True),
    Column("Rule", may_be_cut=True),
    Column("Weaknesses", may_be_cut=True),
)
"""The columns of a table of rows."""


def row_of(context: dict[str, Any]) -> Row:
    """Return the row of a context in the API's form (`app.resources.sa_contexts.schema`)."""
    sa_context_id = context["saContextId"]
    sa = context["outboundSa"] or context["inboundSa"]
    if sa is None:
        return Row(printable(sa_context_id), "", "", "", "", "", "being built", "", "", "")
    bundle, traffic = sa["saBundle"], sa["traffic"]
    identity = bundle.get("ipsecId") or {}  # absent in the basic view
    cells = (
        sa_context_id,
        traffic["trafficType"],
        _endpoint(traffic["localAddress"], traffic.get("localPort")),
        _endpoint(traffic["remoteAddress"], traffic["remotePort"]),
        " + ".join(_protection(one["transform"]) for one in bundle["saList"]),
        bundle["pfsGroup"],
        _state(context),
        identity.get("emTargetName") or identity.get("mmTargetName") or "",
        (sa["transportFilter"] or {}).get("name") or "",
        " ".join(sa["weaknesses"]),
    )
    return Row(*map(printable, cells))


def _endpoint(address: str | None, port: int | None) -> str:
    text = address or ""
    if not port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def _protection(transform: dict[str, Any]) -> str:
    words = [transform["transformType"].partition("_")[0].upper()]
    for part, config in (("cipherTransform", "cipherConfig"), ("authTransform", "authConfig")):
        word = (transform.get(part) or {}).get(config)
        if word is not None and word not in words:
            words.append(word)
    return " ".join(words)


def _state(context: dict[str, Any]) -> str:
    if context["outboundSa"] is None:
        return "inbound only"
    if context["inboundSa"] is None:
        return "outbound only"
    return "NAT-T" if context["outboundSa"]["udpEncapsulation"] else ""

"""SA contexts as a table on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.encoding.addresses import address_text
from app.encoding.names import AUTH_CONFIG, CIPHER_CONFIG, PFS_GROUP, TRAFFIC_TYPE, TRANSFORM_TYPE
from bindings.records import Sa, SaContext, SaDetails


WIDE = 140
"""Characters; a narrower terminal is shown the columns up to the protection."""
NAMES = frozenset(("Peer", "Rule"))
COLUMNS = ("SA context", "Mode", "Local", "Remote", "Protection", "PFS", "Peer", "Rule", "State")


def print_table(contexts: Iterable[SaContext], console: Console | None = None) -> None:
    """Print a line for each context: its outbound SA, or the inbound one where that is all."""
    console = console or Console()
    columns = COLUMNS if console.width >= WIDE else COLUMNS[:5]
    rows = [[_printable(cell) for cell in _row(context)[: len(columns)]] for context in contexts]
    table = Table(box=None, pad_edge=False)
    for index, name in enumerate(columns):
        # Names may be cut off; an id or an address that is not whole is of no use.
        longest = max((len(row[index]) for row in rows), default=0)
        table.add_column(name, no_wrap=True, min_width=None if name in NAMES else longest)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table, crop=False)
    console.print(f"{len(rows)} SA contexts", highlight=False)


def _row(context: SaContext) -> tuple[str, ...]:
    sa = context.outbound_sa or context.inbound_sa
    if sa is None:
        return (str(context.sa_context_id), *[""] * (len(COLUMNS) - 2), "being built")
    bundle, identity = sa.sa_bundle, sa.sa_bundle.ipsec_id
    return (
        str(context.sa_context_id),
        TRAFFIC_TYPE[sa.traffic.traffic_type]["trafficType"],
        _endpoint(sa.traffic.local_address, sa.traffic.local_port),
        _endpoint(sa.traffic.remote_address, sa.traffic.remote_port),
        " + ".join(_protection(one) for one in bundle.sa_list),
        PFS_GROUP[bundle.pfs_group]["pfsGroup"],
        ((identity.em_target_name or identity.mm_target_name) if identity else None) or "",
        (sa.transport_filter.name if sa.transport_filter else None) or "",
        _state(context, sa),
    )


def _endpoint(address: bytes | None, port: int | None) -> str:
    text = address_text(address) or ""
    if not port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def _protection(sa: Sa) -> str:
    words = [TRANSFORM_TYPE[sa.sa_transform_type]["transformType"].partition("_")[0].upper()]
    if sa.cipher_transform is not None:
        words.append(CIPHER_CONFIG[sa.cipher_transform.cipher_config]["cipherConfig"])
    if sa.auth_transform is not None:
        auth = AUTH_CONFIG[sa.auth_transform.auth_config]["authConfig"]
        if auth not in words:
            words.append(auth)
    return " ".join(words)


def _state(context: SaContext, shown: SaDetails) -> str:
    if context.inbound_sa is not None and context.outbound_sa is not None:
        return "NAT-T" if shown.udp_encapsulation else ""
    return "inbound only" if context.outbound_sa is None else "outbound only"


def _printable(text: str) -> str:
    """Names come from the network: no control character reaches the terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )

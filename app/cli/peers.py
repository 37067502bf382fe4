"""`sa-contexts peers` and `sa-contexts peer`: print the peers of a host, or one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Annotated, Any, Final

import typer
from pydantic import TypeAdapter, ValidationError

from app.answers.peers.parameters import PeerQuery
from app.api.parameters import AddressParameter
from app.cli.columns import Column, table_lines
from app.cli.details import Outline, outline
from app.cli.ended import lines_of
from app.cli.failures import fail
from app.cli.filters import filter_options
from app.cli.options import ContextsOption, EngineOption, borrowing
from app.cli.peer_sources import opened_peer_source
from app.cli.printable import (
    print_json,
    print_json_items,
    print_lines,
    printable,
    terminal_width,
)
from app.cli.rows import COLUMNS as CONTEXT_COLUMNS
from app.cli.rows import row_of
from app.cli.servers import Access, UrlOption, access
from app.cli.texts import amount, time_of
from app.repository.query.filters import Selection


WIDTH: Final = 80
"""The width of sentences if output is redirected, and at most on a terminal."""

COLUMNS: Final = (
    Column("Peer", is_essential=True),
    Column("State", is_essential=True),
    Column("SAs", is_essential=True),
    Column("Bytes", is_essential=True),
    Column("Weaknesses", min_width=8, usual_width=22, is_essential=True),
    Column("Failures", min_width=10, usual_width=36),
    Column("Name", min_width=12, usual_width=30),
    Column("Protection", min_width=15, usual_width=34),
    Column("NAT clients"),
    Column("Received"),
    Column("Sent"),
    Column("Last change"),
)
"""The columns of a table of peers, in order of importance.

`SAs` are the complete SA contexts, then all of them; `Bytes` are those in both directions.
"""

HIDDEN: Final = "hidden: the key or token lacks the scope diagnostics:read"


@borrowing(selection=filter_options(PeerQuery), server_access=access)
def peers(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the items of the API.")
    ] = False,
    selection: Selection,
    url: UrlOption = None,
    server_access: Access,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """List the peers of this host, or of a server: one line per remote address.

    A peer is listed if it meets all filters. A repeated filter matches any of its values. The key
    or token for the server comes from the environment variable SA_CONTEXTS_TOKEN or from
    --token-file.
    """
    with opened_peer_source(url, server_access, engine, simulated_contexts) as source:
        items = source.peers(selection)
        if as_json:
            print_json_items(items)
            return
        print_lines(_table_lines([*items], terminal_width()))


def _address(text: str) -> str:
    """Return an address in the form of the API."""
    try:
        return str(TypeAdapter[Any](AddressParameter).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter(
            f"{error.errors()[0]['msg']}. To find peers by name: "
            "`sa-contexts peers --principal-name NAME`"
        ) from None


@borrowing(server_access=access)
def peer(
    *,
    address: Annotated[
        str, typer.Argument(parser=_address, metavar="ADDRESS", help="The remote address.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the peer as JSON, as the API does.")
    ] = False,
    url: UrlOption = None,
    server_access: Access,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """Show one peer of this host, or of a server, with a diagnosis and its SA contexts.

    A server also shows which of them ended in the last hour, and why.

    The key or token for the server comes from the environment variable SA_CONTEXTS_TOKEN or from
    --token-file.
    """
    with opened_peer_source(url, server_access, engine, simulated_contexts) as source:
        found = source.peer(address)
        if isinstance(found, str):
            fail(f"{found[:1].lower()}{found[1:]}")
        if as_json:
            print_json(found)
            return
        print_lines(_detail_lines(found, terminal_width()))


def _table_lines(items: Sequence[Mapping[str, Any]], width: int | None) -> Iterator[str]:
    """Yield `PeerSummary` objects as a table, and its last lines."""
    yield from table_lines(COLUMNS, [_row(item) for item in items], width)
    yield f"{len(items)} peer{'' if len(items) == 1 else 's'}"
    if any("recentFailures" not in item for item in items):
        yield f"failures are {HIDDEN}"


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a `PeerSummary` object."""
    failures = item.get("recentFailures", ())
    unknown = item["bytesInbound"] is None
    cells = (
        item["address"],
        item["state"],
        f"{item['completeSaContexts']}/{item['saContexts']}",
        "" if unknown else amount(int(item["bytesInbound"]) + int(item["bytesOutbound"])),
        " ".join(item["weaknesses"]),
        " ".join(failure["name"] or failure["codeHex"] for failure in failures),
        " ".join(item["principalNames"][:1]),
        "; ".join(each["protection"] for each in item["protections"]),
        str(item["natClients"] or ""),
        amount(item["bytesInbound"]),
        amount(item["bytesOutbound"]),
        time_of(item["lastChange"]),
    )
    return tuple(map(printable, cells))


def _detail_lines(peer: Mapping[str, Any], width: int | None) -> Iterator[str]:
    """Yield a `PeerDetail` object as lines."""
    yield from outline({f"peer {peer['address']}": _outline(peer)})
    yield ""
    for each in peer["diagnosis"]:
        for first, text in (("* ", each["finding"]), ("  ", each["check"])):
            yield from wrap(
                printable(text),
                min(width or WIDTH, WIDTH),
                initial_indent=first,
                subsequent_indent="  ",
                break_on_hyphens=False,  # many names of commands have hyphens
            )
    contexts = [row_of(context) for context in peer["saContextItems"]]
    if contexts:
        yield ""
        yield from table_lines(CONTEXT_COLUMNS, contexts, width)
    if peer["ended"]:
        yield ""
        yield from lines_of(peer["ended"], width=width, is_missed=False)


def _outline(peer: Mapping[str, Any]) -> Outline:
    return {
        "state": peer["state"] + (", expected" if peer["isExpected"] else ""),
        "names": peer["principalNames"],
        "SA contexts": f"{peer['saContexts']}, {peer['completeSaContexts']} of them complete",
        "main mode SAs": f"{peer['ikeSas']} {' '.join(peer['keyModules'])}".strip(),
        "protection": [
            f"{each['protection']} ({each['saContexts']})" for each in peer["protections"]
        ],
        "weaknesses": " ".join(peer["weaknesses"]),
        "clients behind NAT": [
            f"UDP port {each['remoteUdpEncapPort']}: "
            f"{each['principalName'] or 'main mode SA ' + str(each['mmSaId'])}"
            for each in peer["natClientItems"]
        ],
        "received": _flow(peer["bytesInbound"], peer["bytesInboundPerSecond"]),
        "sent": _flow(peer["bytesOutbound"], peer["bytesOutboundPerSecond"]),
        "failures": [
            f"{time_of(each['newest'])} {each['count']}x {each['name'] or each['codeHex']}"
            for each in peer["recentFailures"]
        ]
        if "recentFailures" in peer
        else HIDDEN,
        "last change": time_of(peer["lastChange"]),
    }


def _flow(count: str | None, rate: int | None) -> str:
    if count is None:
        return "not counted"
    return amount(count) + ("" if rate is None else f", {amount(rate)}/s")

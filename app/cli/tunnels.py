"""`sa-contexts tunnels`: print the configured tunnels of a host, and which of them are up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from app.answers.tunnels.parameters import TunnelQuery
from app.answers.tunnels.states import SEVERITY
from app.cli.columns import Column, table_lines
from app.cli.filters import filter_options
from app.cli.options import ContextsOption, EngineOption, borrowing
from app.cli.peer_sources import opened_peer_source
from app.cli.printable import print_json_items, print_lines, printable, terminal_width
from app.cli.servers import Access, UrlOption, access
from app.cli.texts import amount, time_of
from app.repository.query.filters import Selection


COLUMNS: Final = (
    Column("Tunnel", min_width=12, usual_width=24, is_essential=True),
    Column("State", is_essential=True),
    Column("Remote", min_width=15, usual_width=26, is_essential=True),
    Column("SAs", is_essential=True),
    Column("Last failure", min_width=12, usual_width=36, is_essential=True),
    Column("Since"),
    Column("Local"),
    Column("Bytes"),
    Column("Module"),
    Column("Expected"),
    Column("Interface", min_width=8, usual_width=20),
    Column("Key"),
)
"""The columns of a table of tunnels, in order of importance.

`SAs` are the numbers of complete and of all SA contexts; `Bytes` are those in both directions.
"""

ORDER: Final = (*reversed(SEVERITY),)
"""The states in the order of the table: first those that need attention."""

ANY: Final = ("0.0.0.0", "::")  # noqa: S104  # each stands for any address


@borrowing(selection=filter_options(TunnelQuery), server_access=access)
def tunnels(
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
    """List the configured tunnels of this host, or of a server, and which of them are up.

    A tunnel is listed if it meets all filters. A repeated filter matches any of its values. The key
    or token for the server comes from the environment variable SA_CONTEXTS_TOKEN or from
    --token-file.
    """
    with opened_peer_source(url, server_access, engine, simulated_contexts) as source:
        items = source.tunnels(selection)
        if as_json:
            print_json_items(items)
            return
        found = sorted(items, key=_place)
        states = Counter(printable(str(item["state"])) for item in found)
        counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
        print_lines(
            [
                *table_lines(COLUMNS, [*map(_row, found)], terminal_width()),
                f"{len(found)} tunnel{'' if len(found) == 1 else 's'}"
                + (f": {counts}" if counts else ""),
            ]
        )


def _place(item: Mapping[str, Any]) -> tuple[int, str]:
    """Return the place of a `Tunnel` object in the table; unknown states come last."""
    state = item["state"]
    return ORDER.index(state) if state in ORDER else len(ORDER), item["name"] or ""


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a `Tunnel` object."""
    endpoints = item["tunnelEndpoints"]
    failure = item.get("lastFailure")
    unknown = item["bytesInbound"] is None
    cells = (
        item["name"] or item["providerContextKey"],
        item["state"] + (" (flapping)" if item["isFlapping"] else ""),
        endpoints.get("remoteFqdn") or _address(endpoints["remoteAddress"]),
        f"{item['completeSaContexts']}/{item['saContexts']}",
        "" if failure is None else failure["name"] or failure["codeHex"],
        time_of(item["since"]),
        _address(endpoints["localAddress"]),
        "" if unknown else amount(int(item["bytesInbound"]) + int(item["bytesOutbound"])),
        item["keyModule"],
        "yes" if item["isExpected"] else "",
        item.get("localIfAlias", ""),
        item["providerContextKey"],
    )
    return tuple(map(printable, cells))


def _address(text: str | None) -> str:
    return "any" if text is None or text in ANY else text

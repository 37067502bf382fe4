"""`sa-contexts ended`: prints the SA contexts of a server that have ended, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from app.answers.ended.parameters import EndedQuery
from app.answers.times import parse_since
from app.api.parameters import MAX_LIMIT
from app.cli.asking import opened_server, pages_at
from app.cli.columns import Column, table_lines
from app.cli.filters import validated
from app.cli.options import borrowing
from app.cli.printable import print_json_items, print_lines, printable, terminal_width
from app.cli.servers import Access, access
from app.cli.watch.command import RunningServerOption
from app.schemas.names import EndReason


COLUMNS: Final = (
    Column("Ended", is_essential=True),
    Column("Remote", is_essential=True),
    Column("Reason", is_essential=True),
    Column("Lasted", is_essential=True),
    Column("Evidence", min_width=12, usual_width=30),
    Column("Peer", min_width=12, usual_width=30),
    Column("SA context"),
    Column("Mode"),
    Column("Main mode SA"),
    Column("Local"),
)
"""The columns; the essential ones fit in 80 cells with the longest IPv4 address and reason."""

EVIDENCE: Final = {
    "replacedBy": "by {}",
    "mmSaId": "main mode SA {}",
    "idleSeconds": "idle for {:.0f} s",
    "lifetimeSeconds": "lifetime {} s",
}
"""The words for the members of `EndEvidence`; the others say nothing more."""

LOCAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?")
"""A time without an offset, in the form of the table or of RFC 3339."""


def validated_since(text: str) -> str:
    """Return a text that is valid as `since`; a time without an offset is local time.

    Raises:
        typer.BadParameter: it is not.
    """
    if LOCAL_TIME.fullmatch(text):
        with suppress(ValueError, OverflowError):  # there is no such time
            text = datetime.fromisoformat(text).astimezone().isoformat()
    try:
        parse_since(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return text


SinceOption = Annotated[
    str,
    typer.Option(
        parser=validated_since,
        metavar="TIME",
        help="A time (RFC 3339; without an offset, local time), or how long ago, as 90s, 10m, 2h, "
        "1d.",
    ),
]


@borrowing(server_access=access)
def ended(
    *,
    since: SinceOption = "1h",
    end_reason: Annotated[
        list[EndReason] | None, typer.Option(help="Why the context probably ended.")
    ] = None,
    remote_address: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="A remote address of the context.")
    ] = None,
    principal_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name of the peer, or its beginning and *."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the items of the API.")
    ] = False,
    url: RunningServerOption,
    server_access: Access,
) -> None:
    """List the SA contexts of a running server that have ended, newest first, and why.

    A repeated option matches any of its values. The key or token comes from the environment
    variable SA_CONTEXTS_TOKEN or from --token-file.
    """
    filters = {
        "end_reason": end_reason,
        "remote_address": remote_address,
        "principal_name": principal_name,
    }
    validated(EndedQuery, filters)
    parameters = {
        "since": since,
        "endReason": [reason.value for reason in end_reason or ()],
        "remoteAddress": remote_address or [],
        "principalName": principal_name or [],
        "limit": str(MAX_LIMIT),
    }
    with opened_server(url, server_access) as server:
        pages = [*pages_at(server, "sa-contexts/ended", parameters)]
        items = [item for page in pages for item in page["items"]]
        if as_json:
            print_json_items(items)
            return
        print_lines(lines_of(items, width=terminal_width(), is_missed=pages[0]["missed"]))


def lines_of(items: list[dict[str, Any]], *, width: int | None, is_missed: bool) -> Iterator[str]:
    """Yield a table of `EndedSaContext` objects, and its last line.

    Args:
        items: the objects, newest first.
        width: the terminal's width in cells; None: as wide as needed.
        is_missed: whether earlier ones may be missing.
    """
    times = [datetime.fromisoformat(item["time"]).astimezone() for item in items]
    is_one_day = len({time.date() for time in times}) <= 1
    shape = "%H:%M:%S" if is_one_day else "%Y-%m-%d %H:%M:%S"
    rows = [
        tuple(map(printable, (f"{time:{shape}}", *_cells(item))))
        for time, item in zip(times, items, strict=True)
    ]
    yield from table_lines(COLUMNS, rows, width)
    yield f"{len(rows)} SA context{'' if len(rows) == 1 else 's'} ended"
    if is_missed:
        yield "earlier ones may be missing: the server was not running, or has dropped them"


def evidence_of(item: Mapping[str, Any]) -> str:
    """Return the evidence of an `EndedSaContext` or `SaContextDeleted` object in words."""
    evidence = item.get("evidence", {})
    return ", ".join(EVIDENCE[name].format(evidence[name]) for name in EVIDENCE if name in evidence)


def duration_of(seconds: float) -> str:
    """Return a duration in its two largest units, such as `1 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    first = next((at for at, (number, _) in enumerate(units) if number), len(units) - 1)
    parts = [f"{number} {unit}" for number, unit in units[first : first + 2] if number]
    return " ".join(parts) or "0 s"


def _cells(item: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        item["remoteAddress"] or "",
        item["endReason"],
        duration_of(item["duration"]) if "duration" in item else "",
        evidence_of(item),
        ", ".join(item["principalNames"]),
        item["saContextId"],
        item.get("trafficType", ""),
        item["mmSaId"] or "",
        item["localAddress"] or "",
    )

"""`sa-contexts history`: prints the last hours of a server, minute by minute or more coarsely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from app.cli.asking import object_at, opened_server
from app.cli.columns import Column, table_lines
from app.cli.ended import SinceOption
from app.cli.options import borrowing
from app.cli.printable import print_json_items, print_lines, printable, terminal_width
from app.cli.servers import Access, access
from app.cli.texts import bytes_of
from app.cli.watch.command import RunningServerOption


COLUMNS: Final = (
    Column("Until", is_essential=True),
    Column("SA contexts", is_essential=True),
    Column("Failures", is_essential=True),
    Column("In", is_essential=True),
    Column("Out", is_essential=True),
    Column("Weaknesses", min_width=10, usual_width=24, is_essential=True),
    Column("Protections", min_width=15, usual_width=60),
)
MAX_LINES: Final = 30
"""Maximum number of lines; more minutes are joined."""
STEPS: Final = (1, 2, 5, 10, 15, 30, 60)
"""How many minutes a line may join."""
UNKNOWN: Final = "?"


@borrowing(server_access=access)
def history(
    *,
    since: SinceOption = "1h",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the items of the API.")
    ] = False,
    url: RunningServerOption,
    server_access: Access,
) -> None:
    """Show the history of a running server, of at most 24 hours.

    A line is a minute, or several if there are many. The key or token comes from the environment
    variable SA_CONTEXTS_TOKEN or from --token-file.
    """
    with opened_server(url, server_access) as server:
        items = object_at(server, "history", {"since": since})["items"]
        if as_json:
            print_json_items(items)
            return
        print_lines(lines_of(items, terminal_width()))


def lines_of(items: Sequence[Mapping[str, Any]], width: int | None) -> Iterator[str]:
    """Yield a table of `HistoryRow` objects, and its last line.

    Args:
        items: the objects, the oldest first.
        width: the terminal's width in cells; None: as wide as needed.
    """
    step = next((step for step in STEPS if len(items) <= step * MAX_LINES), STEPS[-1])
    starts = range(len(items) % step - step if len(items) % step else 0, len(items), step)
    joined = [items[max(start, 0) : start + step] for start in starts]
    rows = [tuple(map(printable, _cells(each))) for each in joined if each]
    yield from table_lines(COLUMNS, rows, width)
    unit = "minute" if step == 1 else f"{step} minutes"
    yield f"each line: {unit}; {UNKNOWN}: unknown, for instance while the engine was down"


def _cells(items: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the texts of joined minutes: the state at their end, and the sums of the rest."""
    last = items[-1]
    return (
        f"{datetime.fromisoformat(last['time']).astimezone():%H:%M}",
        UNKNOWN if last["saContexts"] is None else str(last["saContexts"]),
        _sum(items, "failures", str),
        _sum(items, "bytesInbound", bytes_of),
        _sum(items, "bytesOutbound", bytes_of),
        _counts(last["weaknesses"], "weakness"),
        _counts(last["protections"], "protection"),
    )


def _sum(items: Sequence[Mapping[str, Any]], name: str, text_of: Callable[[int], str]) -> str:
    known = [int(item[name]) for item in items if item[name] is not None]
    return text_of(sum(known)) if known else UNKNOWN


def _counts(counts: Sequence[Mapping[str, Any]] | None, name: str) -> str:
    if counts is None:
        return UNKNOWN
    return ", ".join(f"{count[name]} {count['saContexts']}" for count in counts)

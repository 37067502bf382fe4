"""Screen output of a watch: a status line above the most recently changed contexts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from app.cli.columns import Column, table_lines
from app.cli.rows import COLUMNS
from app.cli.watch.contexts import Contexts, Shown
from app.cli.watch.stream import Connected, Lost


LINES_BESIDE: Final = 3
"""Lines that are not rows: the status line, the headings, and the count of hidden contexts."""
STYLES: Final = {"added": "green", "modified": "yellow", "deleted": "red strike"}
"""The styles of fresh changes."""
MARKS: Final = {"": " ", "added": "+", "modified": "~", "deleted": "-"}
"""Marks of the last change, before the remote address, so that they are visible at any width."""
CHANGED_AT: Final = sum(column.is_essential for column in COLUMNS)
WATCHED: Final = (
    COLUMNS[0]._replace(name=f"  {COLUMNS[0].name}"),
    *COLUMNS[1:CHANGED_AT],
    Column("Changed"),
    *COLUMNS[CHANGED_AT:],
)
"""The columns of the screen: `COLUMNS`, with the last change after the essential ones."""


class Screen(NamedTuple):
    """The contents of the screen; equal screens look the same.

    Attributes:
        state: the status line.
        is_connected: whether the event stream is connected.
        rows: for each context, its texts in the columns of `WATCHED`.
        styles: the style of each row.
        more: the number of contexts that do not fit.
        width: the screen's width in cells.
    """

    state: str
    is_connected: bool
    rows: Sequence[Sequence[str]]
    styles: Sequence[str]
    more: int
    width: int

    def __rich__(self) -> Group:
        """Return the parts of the screen for rich to print."""
        heads, *lines = table_lines(WATCHED, self.rows, self.width)
        parts: list[RenderableType] = [
            Text(self.state, style="bold" if self.is_connected else "bold red", no_wrap=True),
            Text(heads, style="bold", no_wrap=True),
            *(
                Text(line, style=style, no_wrap=True)
                for line, style in zip(lines, self.styles, strict=True)
            ),
        ]
        if self.more:
            parts.append(Text(f"… and {self.more} more", style="dim"))
        return Group(*parts)


def screen_of(contexts: Contexts, url: str, width: int, height: int) -> Screen:
    """Return the screen with as many contexts as fit."""
    max_rows = max(height - LINES_BESIDE, 1)
    shown = list(islice(contexts.rows.values(), max_rows))
    return Screen(
        state=f"{url}  {_state(contexts)}",
        is_connected=isinstance(contexts.connection, Connected),
        rows=tuple(_cells(each) for each in shown),
        styles=tuple(STYLES[each.change] if contexts.is_fresh(each) else "" for each in shown),
        more=len(contexts.rows) - len(shown),
        width=width,
    )


def _state(contexts: Contexts) -> str:
    match contexts.connection:
        case None:
            connection = "connecting"
        case Connected():
            connection = "connected"
        case Lost(reason, seconds):
            connection = f"reconnecting after {seconds:g} s: {reason}"
    parts = [connection, f"{len(contexts)} SA contexts"]
    if contexts.last_change is not None:
        parts.append(f"last change {_time(contexts.last_change)}")
    if contexts.resets:
        parts.append(f"resets: {contexts.resets}")
    return "  ".join(parts)


def _cells(shown: Shown) -> tuple[str, ...]:
    """Return the texts of a context in the columns of `WATCHED`."""
    row = shown.row
    first = f"{MARKS[shown.change]} {row.remote}"
    return (first, *row[1:CHANGED_AT], _change(shown), *row[CHANGED_AT:])


def _change(shown: Shown) -> str:
    if shown.time is None:
        return ""
    what = shown.change
    if shown.change != "deleted" and shown.partner:
        what = f"rekey of {shown.partner}"
    elif shown.reason:
        what = f"{shown.change}: {shown.reason}"
    return f"{_time(shown.time)} {what}"


def _time(time: datetime) -> str:
    return f"{time.astimezone():%H:%M:%S}"

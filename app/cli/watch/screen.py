"""Screen output of a watch: a status line, and the most recently changed contexts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from app.cli.columns import Column, fitted_table
from app.cli.rows import COLUMNS
from app.cli.watch.client import Connected, Lost
from app.cli.watch.contexts import Contexts, Shown


LINES_BESIDE: Final = 3
"""The status line and the headings above the rows, and the count of hidden contexts below."""
STYLES: Final = {"added": "green", "modified": "yellow", "deleted": "red strike"}
"""The styles of fresh changes; the first column states them in words, too."""


class Screen(NamedTuple):
    """The contents of the screen; equal screens look the same.

    Attributes:
        state: the status line.
        is_connected: whether there is a connection.
        rows: each context's change and row.
        styles: the style of each row.
        more: the number of contexts that do not fit.
        width: the screen's width in characters.
    """

    state: str
    is_connected: bool
    rows: Sequence[Sequence[str]]
    styles: Sequence[str]
    more: int
    width: int

    def __rich__(self) -> Group:
        """Return what rich prints."""
        columns = (Column("Change", is_needed=True), *COLUMNS)
        parts: list[RenderableType] = [
            Text(self.state, style="bold" if self.is_connected else "bold red", no_wrap=True),
            fitted_table(columns, self.rows, self.width, self.styles),
        ]
        if self.more:
            parts.append(Text(f"… and {self.more} more", style="dim"))
        return Group(*parts)


def screen_of(contexts: Contexts, url: str, width: int, height: int) -> Screen:
    """Return the screen with as many of the contexts as fit."""
    max_rows = max(height - LINES_BESIDE, 1)
    shown = list(islice(contexts.rows.values(), max_rows))
    return Screen(
        state=f"{url}  {_state(contexts)}",
        is_connected=isinstance(contexts.connection, Connected),
        rows=tuple((_change(each), *each.row) for each in shown),
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


def _change(shown: Shown) -> str:
    if shown.time is None:
        return ""
    is_rekey = shown.change != "deleted" and shown.partner
    return f"{_time(shown.time)} {f'rekey of {shown.partner}' if is_rekey else shown.change}"


def _time(time: datetime) -> str:
    return f"{time.astimezone():%H:%M:%S}"

"""Tables that fit a terminal: which columns there is room for, and how wide they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text


GAP: Final = 2
"""Between two columns."""
MIN_WIDTH: Final = 12
"""How much of a column that may be cut off is of use."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: what stands above it.
        is_needed: whether it is shown where there is no room, too.
        may_be_cut: whether a part of it is of use; that of an id or an address is not.
    """

    name: str
    is_needed: bool = False
    may_be_cut: bool = False


def fitted_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int,
    styles: Sequence[str] = (),
) -> Table:
    """A table of the columns that fit and say something.

    It is wider than the terminal only where the columns that are needed are.

    All widths are given to rich: by itself it would take from every column where they do
    not fit together, and leave out those that come to nothing.

    Args:
        columns: all that there could be.
        rows: a text for each column; printable.
        width: the terminal's.
        styles: of each row.
    """
    longest = [
        max(cell_len(text) for text in (column.name, *(row[at] for row in rows)))
        for at, column in enumerate(columns)
    ]
    has_text = [any(row[at] for row in rows) for at in range(len(columns))]
    widths = {at: longest[at] for at, column in enumerate(columns) if column.is_needed}
    room = width - sum(widths.values()) - GAP * (len(widths) - 1)
    for at, column in enumerate(columns):
        least = min(longest[at], MIN_WIDTH) if column.may_be_cut else longest[at]
        if at not in widths and has_text[at] and least + GAP <= room:
            widths[at] = least
            room -= least + GAP
    for at, column in enumerate(columns):
        if column.may_be_cut and at in widths and room > 0:
            more = min(room, longest[at] - widths[at])
            widths[at] += more
            room -= more
    total = sum(widths.values()) + GAP * (len(widths) - 1)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), width=total)
    for at in sorted(widths):
        table.add_column(columns[at].name, no_wrap=True, width=widths[at])
    for number, row in enumerate(rows):
        style = styles[number] if styles else ""
        table.add_row(*(Text(row[at]) for at in sorted(widths)), style=style)
    return table

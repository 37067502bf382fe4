"""Tables that fit a terminal: selection and width of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text


GAP: Final = 2
"""Spaces between two columns."""
MIN_WIDTH: Final = 12
"""Minimum useful width of a truncated column."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: the heading.
        is_needed: whether it is shown even if it does not fit.
        may_be_cut: whether it may be truncated; ids and addresses may not.
    """

    name: str
    is_needed: bool = False
    may_be_cut: bool = False


def fitted_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, styles: Sequence[str] = ()
) -> Table:
    """Build a table of the non-empty columns that fit.

    It is wider than the terminal only if the needed columns are.

    All widths are set explicitly: otherwise rich would shrink every column to make the
    table fit, and drop those that shrink to nothing.

    Args:
        columns: the candidate columns.
        rows: a printable text for each column.
        width: the terminal's width.
        styles: the style of each row.
    """
    longest = [
        max(cell_len(text) for text in (column.name, *(row[at] for row in rows)))
        for at, column in enumerate(columns)
    ]
    has_text = [any(row[at] for row in rows) for at in range(len(columns))]
    widths = {at: longest[at] for at, column in enumerate(columns) if column.is_needed}
    free = width - sum(widths.values()) - GAP * (len(widths) - 1)
    for at, column in enumerate(columns):
        min_width = min(longest[at], MIN_WIDTH) if column.may_be_cut else longest[at]
        if at not in widths and has_text[at] and min_width + GAP <= free:
            widths[at] = min_width
            free -= min_width + GAP
    for at, column in enumerate(columns):
        if column.may_be_cut and at in widths and free > 0:
            extra = min(free, longest[at] - widths[at])
            widths[at] += extra
            free -= extra
    total = sum(widths.values()) + GAP * (len(widths) - 1)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), width=total)
    for at in sorted(widths):
        table.add_column(columns[at].name, no_wrap=True, width=widths[at])
    for number, row in enumerate(rows):
        style = styles[number] if styles else ""
        table.add_row(*(Text(row[at]) for at in sorted(widths)), style=style)
    return table

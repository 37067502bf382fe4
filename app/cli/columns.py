"""Tables as lines of text whose columns fit the width of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size


GAP: Final = "  "
"""Separates two columns."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: the heading.
        min_width: the minimum width of a column whose texts may be truncated; None: they may not.
        usual_width: the width that suffices for most texts; None: that of the longest text.
        is_essential: whether the column takes precedence over all columns that are not essential.
    """

    name: str
    min_width: int | None = None
    usual_width: int | None = None
    is_essential: bool = False


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None = None
) -> list[str]:
    """Return a table as lines: the headings, then a line for each row.

    Args:
        columns: the columns in order of importance.
        rows: the rows, each with a printable text for every column.
        width: the terminal's width in cells. Columns without text are omitted,
            unless there are no rows. If the columns do
            not fit, the least important are omitted, too. The first column is always shown.
            None: show all columns in full width.
    """
    lines = [[column.name for column in columns], *rows]
    longest = [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]
    widths = dict(enumerate(longest))
    if width is not None:
        used = [at for at in widths if at == 0 or not rows or any(row[at] for row in rows)]
        widths = _fitted(columns, longest, used, width)
    return [
        GAP.join(_fitted_text(texts[at], cells) for at, cells in widths.items()).rstrip()
        for texts in lines
    ]


def _fitted(
    columns: Sequence[Column], longest: Sequence[int], used: Sequence[int], width: int
) -> dict[int, int]:
    """Return the width of each column that fits.

    First, the essential columns get their minimum width, and then grow to their usual width. Next,
    the other columns do the same with the remaining cells. Finally, all columns grow to their full
    width. In each step, more important columns come first.
    """
    usual = [
        min(cells, column.usual_width or cells)
        for cells, column in zip(longest, columns, strict=True)
    ]
    widths: dict[int, int] = {}
    free = width + len(GAP)
    for is_essential in (True, False):
        for at in used:
            if columns[at].is_essential is not is_essential:
                continue
            cells = min(longest[at], columns[at].min_width or longest[at])
            if widths and cells + len(GAP) > free:
                used = list(widths)  # omit all less important columns, too
                break
            widths[at] = cells
            free -= cells + len(GAP)
        free = _grow(widths, usual, free)
    _grow(widths, longest, free)
    return widths


def _grow(widths: dict[int, int], wanted: Sequence[int], free: int) -> int:
    """Widen columns in order up to the wanted widths; return the cells that remain."""
    for at, cells in widths.items():
        growth = max(0, min(free, wanted[at] - cells))
        widths[at] = cells + growth
        free -= growth
    return free


def _fitted_text(text: str, width: int) -> str:
    """Return the text padded or truncated to a width in terminal cells."""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)

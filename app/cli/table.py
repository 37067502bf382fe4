"""The table of `sa-contexts list`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from app.cli.columns import fitted_table
from app.cli.rows import COLUMNS, row_of


def print_table(contexts: Iterable[dict[str, Any]], console: Console | None = None) -> None:
    """Print a line for each context in the API's form, wider than the console if necessary."""
    console = console or Console()
    rows = [row_of(context) for context in contexts]
    console.print(fitted_table(COLUMNS, rows, console.width), crop=False)
    console.print(f"{len(rows)} SA contexts", highlight=False)

"""Terminal output of `sa-contexts doctor`."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.printable import printable


MARKS: Final = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failure": ("FAILURE", "bold red"),
    "not_applicable": ("-", "dim"),
    "unknown": ("unknown", "cyan"),
}
"""The word and style before a finding; the word alone suffices without colour."""


def print_findings(report: dict[str, Any], console: Console | None = None) -> None:
    """Print a report of `app.schemas.doctor`, section by section."""
    console = console or Console()
    for section, findings in groupby(report["findings"], lambda finding: finding["section"]):
        console.print(Text(section, style="bold"))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(min_width=9, no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            word, style = MARKS[finding["outcome"]]
            text = Text(printable(finding["sentence"]))
            if "remedy" in finding and finding["outcome"] != "ok":
                text.append(f"\n{printable(finding['remedy'])}", style="italic")
            table.add_row(Text(f"  {word}", style=style), finding["name"], text)
        console.print(table)
    console.print(Text(_summary(report), style="bold"))


def _summary(report: dict[str, Any]) -> str:
    outcomes = [finding["outcome"] for finding in report["findings"]]
    counts = ((outcomes.count("failure"), "failure"), (outcomes.count("warning"), "warning"))
    summary = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count
    )
    return summary or "no problems found"

"""`sa-contexts doctor`: prints the report of all checks, as text or JSON."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.options import EngineOption, given
from app.cli.printable import print_json, printable
from app.server.uvicorn_server import exit_now
from app.telemetry.logging.configuration import configure_logging


MARKS: Final = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failure": ("FAILURE", "bold red"),
    "not_applicable": ("-", "dim"),
    "unknown": ("unknown", "cyan"),
}
"""The word before a finding, and its style; without colour, the word alone suffices."""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    mask: Annotated[
        bool, typer.Option("--mask", help="Mask addresses and names, to share the report.")
    ] = False,
    listen: Annotated[
        float,
        typer.Option(min=0, max=3600, help="Seconds to listen for the engine's notifications."),
    ] = 0,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Also test how the engine responds to a destroyed handle, in a separate process.",
        ),
    ] = False,
    engine: EngineOption = None,
    host: Annotated[str | None, typer.Option(help="Address that the server listens on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that the server listens on.")] = None,
) -> None:
    """Check whether the server can work on this host, and say how to solve each problem.

    Changes nothing. Exits with 0 if there are no problems, 1 on failures and 3 if there are only
    warnings.
    """
    from app.doctor.context import DoctorContext  # noqa: PLC0415  # not loaded for `serve`
    from app.doctor.run import DoctorRun  # noqa: PLC0415

    configure_logging("text", "critical")  # problems are in the report
    options = given(host=host, port=port, engine=engine)
    run = DoctorRun(DoctorContext(options, listen_seconds=listen, may_probe=probe))
    report = run.report(is_masked=mask)
    document = report.model_dump(mode="json", by_alias=True)
    if as_json:
        print_json(document)
    else:
        print_findings(document)
    code = {"failure": 1, "warning": 3}.get(report.outcome, 0)
    if run.hangs:
        exit_now(code)
    raise typer.Exit(code)


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

"""`python -m benchmarks`: all figures in one table, and whether they reach their bars."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from benchmarks import (
    address_space,
    cold,
    compiled_step,
    compression,
    crowd,
    export,
    fairness,
    filtered,
    first_page,
    fixture,
    growth,
    memory,
    peers,
    plot,
    warm,
    watchers,
)
from benchmarks.figures import Section, raw, table, verdict
from benchmarks.machine import machine, machine_text
from benchmarks.sizes import FULL, QUICK, SEED


BENCHMARKS = {
    "cold": cold.measure,
    "compiled": compiled_step.measure,
    "growth": growth.measure,
    "warm": warm.measure,
    "first-page": first_page.measure,
    "crowd": crowd.measure,
    "fairness": fairness.measure,
    "watchers": watchers.measure,
    "memory": memory.measure,
    "export": export.measure,
    "filtered": filtered.measure,
    "peers": peers.measure,
    "compression": compression.measure,
    "reading": address_space.measure,
}
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def main() -> int:
    """Run the benchmarks; return 1 if a figure misses its bar, unless the run is quick."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes; shows that it works, judges nothing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value, too")
    parser.add_argument(
        "--document",
        type=Path,
        metavar="FILE",
        help="put the figures into this Markdown document, and a plot beside it",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.only) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")

    here = machine()
    mean_bytes = fixture.check()
    sections: list[Section] = []
    for name in arguments.only or BENCHMARKS:
        began = perf_counter()
        print(f"measuring {name} …", file=sys.stderr, end=" ", flush=True)
        sections += BENCHMARKS[name](QUICK if arguments.quick else FULL)
        print(f"{perf_counter() - began:.0f} s", file=sys.stderr)

    report = "\n".join(
        (
            machine_text(here),
            f"Fixture: the simulator's contexts of seed {SEED}, of {mean_bytes:.0f} bytes of JSON.",
            "Figures: the median of the rounds, and the least .. the greatest.",
            "",
            table(sections, is_judged=not arguments.quick),
            *(() if arguments.quick else ("", verdict(sections))),
        )
    )
    print(report)
    if arguments.json:
        values = {"machine": here, "quick": arguments.quick, "sections": raw(sections)}
        arguments.json.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    if arguments.document:
        _write(arguments.document, report, sections)
    if arguments.quick:
        print("\nA quick run shows that the benchmarks work; its figures mean little.")
        return 0
    return 0 if all(section.is_met for section in sections) else 1


def _write(document: Path, report: str, sections: Sequence[Section]) -> None:
    """Write the report between the marks in a document, and the plot to a file beside it."""
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    today = datetime.now(UTC).date()
    figures = f"A run of {today}:\n\n```\n{report}\n```\n"
    document.write_text(f"{before}{BEGIN}{figures}{END}{after}", encoding="utf-8")
    for section in sections:
        if section.title.startswith("Growth"):
            drawn = plot.svg(section.title, "contexts", "seconds", growth.series(section))
            document.with_suffix(".svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

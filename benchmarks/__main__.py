"""`python -m benchmarks`: all figures in one table, and whether they reach their bars."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks import address_space, cold, compiled_step, courtesy, fixture, warm
from benchmarks.figures import raw, table
from benchmarks.machine import machine, machine_text
from benchmarks.sizes import FULL, PAGE_LIMIT, QUICK, SEED


BENCHMARKS = {
    "cold": cold.measure,
    "compiled": compiled_step.measure,
    "reading": address_space.measure,
    "warm": warm.measure,
    "courtesy": courtesy.measure,
}


def main() -> int:
    """Measure; 1 where a bar is missed, which a quick run does not judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes; shows that it works, judges nothing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value, too")
    arguments = parser.parse_args()
    unknown = set(arguments.only) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")

    here = machine()
    mean_bytes = fixture.check()
    sizes = QUICK if arguments.quick else FULL
    sections = []
    for name in arguments.only or BENCHMARKS:
        print(f"measuring {name} …", file=sys.stderr)
        sections.append(BENCHMARKS[name](sizes))

    print(machine_text(here))
    print(
        f"Fixture: the simulator's contexts of seed {SEED}, {mean_bytes:.0f} bytes of JSON in the "
        f"mean; pages of {PAGE_LIMIT}."
    )
    print("Figures: the median of the rounds, and the least .. the greatest.\n")
    print(table(sections))
    if arguments.json:
        document = {"machine": here, "quick": arguments.quick, "sections": raw(sections)}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.quick:
        print("\nA quick run shows that the benchmarks work; its figures mean little.")
        return 0
    return 0 if all(section.is_met for section in sections) else 1


if __name__ == "__main__":
    sys.exit(main())

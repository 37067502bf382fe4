"""`python -m tests.soak --minutes 10`: a server under churn, engine failures and mixed clients.

At its end no engine resource is left open or unfreed, memory is flat, every answer matched the
published document, and every kind of answer has occurred.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys

from tests.soak.soak import soak


MIN_MINUTES = 3
"""A shorter soak ends before memory has settled and every outcome has occurred.

Its report shows both, but judges neither.
"""


def main() -> None:
    """Soak, print the report, and fail if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="repeat a soak; random if not given")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    _report(f"a soak of {arguments.minutes:g} minutes, --seed {seed}")
    report = asyncio.run(soak(arguments.minutes * 60, seed))
    faults = report.judge(is_long=arguments.minutes >= MIN_MINUTES)
    _report(report.summary())
    for fault in faults:
        _report(f"\nFAILED: {fault}")
    _report("\nfailed" if faults else "\nall is well")
    sys.exit(1 if faults else 0)


def _report(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # the report


if __name__ == "__main__":
    main()

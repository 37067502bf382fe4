"""`python -m tests.soak --minutes 10`: a server under churn, engine failures and mixed clients.

At its end nothing of the engine is left open or unfreed, memory is flat, every answer was as the
published document has it, and every kind of answer has come about.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys

from tests.soak.soak import GRACE_SECONDS, Report, soak


LEAST_MINUTES = 3
"""A shorter soak is over before memory has settled and everything has come about.

What it has seen is shown, and neither is judged.
"""


def main() -> None:
    """Soak, tell what was seen, and fail where anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="repeat a soak; random if not given")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    _tell(f"a soak of {arguments.minutes:g} minutes, --seed {seed}")
    report = asyncio.run(soak(arguments.minutes * 60, seed))
    faults = judge(report, is_long=arguments.minutes >= LEAST_MINUTES)
    _tell(_summary(report))
    for fault in faults:
        _tell(f"\nFAILED: {fault}")
    _tell("\nfailed" if faults else "\nall is well")
    sys.exit(1 if faults else 0)


def judge(report: Report, *, is_long: bool) -> list[str]:
    """Why a soak failed; empty where it did not."""
    end = report.end
    if end is None:
        return report.faults or ["the soak did not come to its end"]
    faults = list(report.faults)
    if is_long:
        faults += report.outcomes.missing() + report.curve.faults()
    for name in ("open_handles", "open_enumerations", "unfreed_blocks", "misuses"):
        if end.counts.get(name) != 0:
            faults.append(f"{name}: {end.counts.get(name)}")
    if end.code != 0:
        faults.append(f"the server's exit code is {end.code}")
    if end.seconds > GRACE_SECONDS:
        faults.append(f"the server took {end.seconds:.1f} s to end")
    return faults


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # for whoever started it


def _summary(report: Report) -> str:
    outcomes, curve, end = report.outcomes, report.curve, report.end
    lines = [
        outcomes.table(),
        "",
        f"requests           {outcomes.requests()}",
        f"contexts checked   {outcomes.contexts}",
        f"bytes read         {outcomes.bytes >> 20} MB",
        f"drains failed      {report.drains_failed} (told)",
        f"processor time     {report.processor_seconds:.0f} s",
    ]
    if curve.samples:
        step = max(1, len(curve.samples) // 20)
        shown = " ".join(str(sample.resident >> 20) for sample in curve.samples[::step])
        lines.append(f"memory in MB       {shown}")
    if end is not None:
        lines += [
            f"its growth, rise   {curve.growth():.1%} {curve.rise():.1%}",
            f"recovery           {report.recovery_seconds:.2f} s",
            f"end                {end.seconds:.2f} s, code {end.code}",
            f"the simulator      {end.counts}",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

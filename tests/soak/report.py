"""What was seen in a soak, and whether it is good."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.soak.memory import Memory
from tests.soak.outcomes import Outcomes
from tests.soak.process import End


GRACE_SECONDS = 12
"""Ten for requests to end (`app.server.uvicorn_server`), and a little for the interpreter."""
SHOWN = 20
"""How many samples of memory people look at."""


@dataclass
class Report:
    """What was seen.

    Attributes:
        outcomes: of all that clients did.
        faults: what was wrong on the way.
        memory: that of the server.
        end: how it ended; None where the soak was given up.
        processor_seconds: how long it computed.
        recovery_seconds: how long it took to read the engine again when that was well.
        refreshes_failed: failures of refreshes in its log, which are the new ones.
    """

    outcomes: Outcomes
    faults: list[str] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    end: End | None = None
    processor_seconds: float = 0
    recovery_seconds: float = 0
    refreshes_failed: int = 0

    def judge(self, *, is_long: bool) -> list[str]:
        """Why the soak failed; empty where it did not.

        Args:
            is_long: whether memory has settled and everything has had the time to come about.
        """
        if self.end is None:
            return self.faults or ["the soak did not come to its end"]
        faults = list(self.faults)
        if is_long:
            faults += self.outcomes.missing() + self.memory.faults()
        for name in ("open_handles", "open_enumerations", "unfreed_blocks", "misuses"):
            if self.end.counts.get(name) != 0:
                faults.append(f"{name}: {self.end.counts.get(name)}")
        if self.end.code != 0:
            faults.append(f"the server's exit code is {self.end.code}")
        if self.end.seconds > GRACE_SECONDS:
            faults.append(f"the server took {self.end.seconds:.1f} s to end")
        return faults

    def summary(self) -> str:
        """All of it, for people."""
        outcomes, memory, end = self.outcomes, self.memory, self.end
        samples = memory.samples[:: max(1, len(memory.samples) // SHOWN)]
        rows = {
            "answers": f"{outcomes.requests()}",
            "contexts checked": f"{outcomes.contexts}",
            "bytes read": f"{outcomes.bytes >> 20} MB",
            "refreshes failed": f"{self.refreshes_failed}",
            "processor time": f"{self.processor_seconds:.0f} s",
            "memory at work": _megabytes([sample.resident for sample in samples]),
            "memory at rest": _megabytes(memory.rests),
        }
        if end is not None:
            rows |= {
                "growth": f"{memory.growth():.1%} at work, {memory.left():.1%} at rest, "
                f"rise {memory.rise():.1%}",
                "recovery": f"{self.recovery_seconds:.2f} s",
                "end": f"{end.seconds:.2f} s, code {end.code}",
                "the simulator": f"{end.counts}",
            }
        return "\n".join([outcomes.table(), "", *(f"{n:18} {row}" for n, row in rows.items())])


def _megabytes(numbers: list[int]) -> str:
    return " ".join(str(number >> 20) for number in numbers) + " MB"

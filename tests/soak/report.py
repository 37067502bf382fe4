"""The findings of a soak, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.soak.memory import Memory
from tests.soak.outcomes import AT_THE_END, Outcomes
from tests.soak.process import End


GRACE_SECONDS = 12
"""Ten for requests to end (`app.server.uvicorn_server`), plus some for the interpreter."""
SHOWN = 20
"""The number of memory samples in a report."""


@dataclass
class Report:
    """The findings.

    Attributes:
        outcomes: of all requests.
        faults: what went wrong on the way.
        memory: of the server.
        end: how the server ended; None if the soak was aborted.
        processor_seconds: the server's processor time.
        recovery_seconds: the time from the engine's recovery to the next refresh.
        refreshes_failed: the logged changes from success to failure of refreshes.
    """

    outcomes: Outcomes
    faults: list[str] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    end: End | None = None
    processor_seconds: float = 0
    recovery_seconds: float = 0
    refreshes_failed: int = 0

    def judge(self, *, is_long: bool) -> list[str]:
        """Return why the soak failed; empty if it passed.

        Args:
            is_long: whether memory had time to settle, and every outcome to occur.
        """
        if self.end is None:
            return self.faults or ["the soak did not come to its end"]
        faults = list(self.faults)
        if is_long:
            faults += self.outcomes.missing() + self.outcomes.missing(AT_THE_END)
            faults += self.memory.faults()
        for name in ("open_handles", "open_enumerations", "unfreed_blocks", "misuses"):
            if self.end.counts.get(name) != 0:
                faults.append(f"{name}: {self.end.counts.get(name)}")
        if self.end.code != 0:
            faults.append(f"the server's exit code is {self.end.code}")
        if self.end.seconds > GRACE_SECONDS:
            faults.append(f"the server took {self.end.seconds:.1f} s to end")
        return faults

    def summary(self) -> str:
        """Return the report as text."""
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

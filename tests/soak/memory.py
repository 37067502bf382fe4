"""Judge whether memory is flat.

Under load, memory follows the snapshots that clients walk through; only
its trend counts. At rest, no snapshot is leased and free memory has been returned: the rest is
the server's own, and shows a leak that the load would hide. The beginning is
ignored, because caches fill then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, linear_regression


MAX_GROWTH = 0.15
"""Under load, over the second half, by least squares.

Ten minutes of a flat curve vary by up to 0.1.
"""
MAX_RISE = 0.20
"""From the peak of the second quarter to that of the last; up to 0.1 by chance."""
MAX_LEFT = 0.05
"""From the highest early rest to the lowest late one.

A single rest varies by up to 0.08 with the layout of the heap; a leak lifts
all late rests above all early ones.
"""
EARLY, LATE = slice(1, 4), slice(-3, None)
"""Eight rests, without the first, when caches fill, and the middle one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The memory of a process at one time.

    Attributes:
        seconds: since the start.
        resident: in bytes.
    """

    seconds: float
    resident: int


@dataclass
class Memory:
    """The memory of a process over time.

    Attributes:
        samples: under load.
        rests: the bytes at rest, after each eighth.
    """

    samples: list[Sample] = field(default_factory=list)
    rests: list[int] = field(default_factory=list)

    def growth(self) -> float:
        """Return the growth of the second half, relative to its mean."""
        half = self._quarter(3) + self._quarter(4)
        seconds = [sample.seconds for sample in half]
        resident = [sample.resident for sample in half]
        slope = linear_regression(seconds, resident).slope
        return slope * (seconds[-1] - seconds[0]) / fmean(resident)

    def rise(self) -> float:
        """Return how far the peak of the last quarter exceeds that of the second."""
        return self._peak(4) / self._peak(2) - 1

    def left(self) -> float:
        """Return how far the lowest late rest exceeds the highest early one."""
        return min(self.rests[LATE]) / max(self.rests[EARLY]) - 1

    def faults(self) -> list[str]:
        """Return why it is not flat; empty if it is."""
        figures = (
            ("growth", self.growth(), MAX_GROWTH),
            ("rise", self.rise(), MAX_RISE),
            ("growth at rest", self.left(), MAX_LEFT),
        )
        return [
            f"memory is not flat: its {name} is {figure:.1%}, more than {most:.0%}"
            for name, figure, most in figures
            if figure > most
        ]

    def _quarter(self, number: int) -> list[Sample]:
        """Return the samples of a quarter, counted from 1."""
        begin, end = self.samples[0].seconds, self.samples[-1].seconds
        step = (end - begin) / 4
        low, high = begin + step * (number - 1), begin + step * number
        return [sample for sample in self.samples if low <= sample.seconds <= high]

    def _peak(self, number: int) -> int:
        return max(sample.resident for sample in self._quarter(number))

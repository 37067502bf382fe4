"""Whether memory is flat.

At work, memory goes up and down with the snapshots that clients walk through; what is looked at is
whether it has a trend. At rest nothing is held, and what is free was given back: what is left is
the server's own, and there a leak shows that would be lost in the ups and downs. The beginning is
left out, as caches fill then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, linear_regression


MAX_GROWTH = 0.15
"""At work, from the beginning of the second half to the end, by least squares.

Ten minutes of a flat curve give up to 0.1 by chance.
"""
MAX_RISE = 0.20
"""From the most memory of the second quarter to that of the last; up to 0.1 by chance."""
MAX_LEFT = 0.05
"""From the highest of the early rests to the lowest of the late ones.

A single rest is up to 0.08 above or below the others, by how the heap happens to lie; a leak lifts
all late ones above all early ones.
"""
EARLY, LATE = slice(1, 4), slice(-3, None)
"""Of eight rests: without the first, when caches fill, and without the one in the middle."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How much memory a process had.

    Attributes:
        seconds: since the beginning.
        resident: in bytes.
    """

    seconds: float
    resident: int


@dataclass
class Memory:
    """The memory of a process in the course of time.

    Attributes:
        samples: while clients are at work.
        rests: the bytes that it had at rest, after each eighth.
    """

    samples: list[Sample] = field(default_factory=list)
    rests: list[int] = field(default_factory=list)

    def growth(self) -> float:
        """By which part of its mean the memory grows in the second half."""
        half = self._quarter(3) + self._quarter(4)
        seconds = [sample.seconds for sample in half]
        resident = [sample.resident for sample in half]
        slope = linear_regression(seconds, resident).slope
        return slope * (seconds[-1] - seconds[0]) / fmean(resident)

    def rise(self) -> float:
        """By which part the most memory of the last quarter exceeds that of the second."""
        return self._peak(4) / self._peak(2) - 1

    def left(self) -> float:
        """By which part the lowest of the late rests exceeds the highest of the early ones."""
        return min(self.rests[LATE]) / max(self.rests[EARLY]) - 1

    def faults(self) -> list[str]:
        """Why it is not flat; empty where it is."""
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
        """The samples of a quarter of the time, counted from 1."""
        begin, end = self.samples[0].seconds, self.samples[-1].seconds
        step = (end - begin) / 4
        low, high = begin + step * (number - 1), begin + step * number
        return [sample for sample in self.samples if low <= sample.seconds <= high]

    def _peak(self, number: int) -> int:
        return max(sample.resident for sample in self._quarter(number))

"""Whether memory is flat: a curve of samples, and how much it grows."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, linear_regression


MOST_GROWTH = 0.05
MOST_RISE = 0.15


@dataclass(frozen=True, slots=True)
class Sample:
    """How much memory a process had.

    Attributes:
        seconds: since the beginning.
        resident: in bytes.
    """

    seconds: float
    resident: int


class Curve:
    """The memory of a process in the course of time."""

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples

    def quarter(self, first: int, last: int) -> list[Sample]:
        """The samples from the `first` quarter of the time to the `last`, counted from 1."""
        begin, end = self.samples[0].seconds, self.samples[-1].seconds
        step = (end - begin) / 4
        low, high = begin + step * (first - 1), begin + step * last
        return [sample for sample in self.samples if low <= sample.seconds <= high]

    def growth(self) -> float:
        """By which part of its mean the memory grows in the second half; by least squares."""
        half = self.quarter(3, 4)
        seconds = [sample.seconds for sample in half]
        resident = [sample.resident for sample in half]
        slope = linear_regression(seconds, resident).slope
        return slope * (seconds[-1] - seconds[0]) / fmean(resident)

    def rise(self) -> float:
        """By which part the most memory of the last quarter exceeds that of the second."""
        return self._peak(4) / self._peak(2) - 1

    def faults(self) -> list[str]:
        """Why it is not flat; empty where it is."""
        figures = (("growth", self.growth(), MOST_GROWTH), ("rise", self.rise(), MOST_RISE))
        return [
            f"memory is not flat: its {name} is {figure:.1%}, more than {most:.0%}"
            for name, figure, most in figures
            if figure > most
        ]

    def _peak(self, quarter: int) -> int:
        return max(sample.resident for sample in self.quarter(quarter, quarter))

"""Figures, the bars that some must reach, and both as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        values: one of each round; the table shows their median, least and greatest.
        at_least: the bar that the median must reach, where there is one.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    at_least: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the bar is reached, or there is none."""
        return self.at_least is None or median(self.values) >= self.at_least

    def as_text(self, width: int) -> str:
        """One line of the table."""
        line = f"  {self.name:<{width}} {_number(median(self.values)):>9} {self.unit:<9}"
        if len(self.values) > 1:
            spread = f"{_number(min(self.values))} .. {_number(max(self.values))}"
            line += f" {spread:>20}"
        if self.at_least is not None:
            verdict = "PASS" if self.is_met else "FAIL"
            line = f"{line:<{width + 46}}{verdict} (at least {self.at_least:g})"
        return line.rstrip()


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found, with its terms in a line each."""

    title: str
    terms: tuple[str, ...]
    figures: tuple[Figure, ...]

    @property
    def is_met(self) -> bool:
        """Whether all bars are reached."""
        return all(figure.is_met for figure in self.figures)

    def as_text(self, width: int) -> str:
        """The section of the table."""
        return "\n".join(
            (
                self.title,
                *(f"  {term}" for term in self.terms),
                "",
                *(figure.as_text(width) for figure in self.figures),
            )
        )


def ratios(
    name: str, over: Sequence[float], under: Sequence[float], *, at_least: float | None = None
) -> Figure:
    """How many times `under` the values of `over` are, round by round."""
    values = tuple(above / below for above, below in zip(over, under, strict=True))
    return Figure(name, "times", values, at_least)


def percentiles(name: str, milliseconds: Sequence[float]) -> tuple[Figure, ...]:
    """The median, the 99th percentile and the greatest."""
    ordered = sorted(milliseconds)
    last = len(ordered) - 1
    chosen = {"p50": last // 2, "p99": round(last * 0.99), "max": last}
    return tuple(
        Figure(f"{name}: {percentile}", "ms", (ordered[index],))
        for percentile, index in chosen.items()
    )


def take_turns(
    rounds: int, measures: dict[str, Callable[[], float]]
) -> dict[str, tuple[float, ...]]:
    """The values of each measure, taken in turn so that a busy machine is busy for all.

    Each round begins with another measure. A first round warms up and is not kept.
    """
    names = list(measures)
    kept: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            value = measures[name]()
            if number:
                kept[name].append(value)
    return {name: tuple(values) for name, values in kept.items()}


def table(sections: Sequence[Section]) -> str:
    """All sections as text, in columns of one width."""
    width = max(len(figure.name) for section in sections for figure in section.figures)
    return "\n\n".join(section.as_text(width) for section in sections)


def raw(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """All sections with every value, for JSON."""
    return [asdict(section) for section in sections]


def _number(value: float) -> str:
    """Three significant digits, or whole numbers where there are more."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"  # noqa: PLR2004  # digits

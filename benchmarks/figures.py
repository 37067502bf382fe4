"""Measured figures, the limits that some of them must meet, and their output as text and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median
from textwrap import fill
from typing import Any


TEXT_WIDTH = 92


class Bar(StrEnum):
    """How a figure is judged against its limit."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    GOAL = "goal: at most"
    """A figure that misses this limit does not fail the run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        values: one per round; the table shows their median, minimum and maximum.
        bar: how the median is judged against `limit`; None if it is not judged.
        limit: the limit, in `unit`.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    bar: Bar | None = None
    limit: float = 0.0

    @property
    def is_met(self) -> bool:
        """Return whether the median reaches its bar; True for a goal, or without a bar."""
        if self.bar is Bar.AT_LEAST:
            return median(self.values) >= self.limit
        return self.bar is not Bar.AT_MOST or median(self.values) <= self.limit

    def as_text(self, width: int, *, is_judged: bool) -> str:
        """Return the figure's line of the table."""
        line = f"  {self.name:<{width}} {number(median(self.values)):>9} {self.unit:<10}"
        if len(self.values) > 1:
            spread = f"{number(min(self.values))} .. {number(max(self.values))}"
            line += f" {spread:>18}"
        if self.bar is not None:
            verdict = f"({self.bar} {self.limit:g})"
            if is_judged and self.bar is not Bar.GOAL:
                verdict = f"{'PASS' if self.is_met else 'FAIL'} {verdict}"
            line = f"{line:<{width + 42}} {verdict}"
        return line.rstrip()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of measured quantities, without bars.

    Attributes:
        columns: the name of each column, with its unit; the first column names the rows.
        rows: the name of each row, and its values.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]

    def as_text(self) -> str:
        """Return the grid as lines, with columns as narrow as their texts allow."""
        cells = [
            self.columns,
            *((name, *(number(value) for value in values)) for name, values in self.rows),
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  " + "  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])))
            for row in cells
        )


@dataclass(frozen=True, slots=True)
class Section:
    """The results of one benchmark, and what its terms mean."""

    title: str
    terms: str
    figures: tuple[Figure, ...] = ()
    grid: Grid | None = None

    @property
    def is_met(self) -> bool:
        """Return whether all bars are reached."""
        return all(figure.is_met for figure in self.figures)

    def as_text(self, width: int, *, is_judged: bool) -> str:
        """Return the section's part of the table."""
        return "\n".join(
            (
                self.title,
                fill(self.terms, TEXT_WIDTH, initial_indent="  ", subsequent_indent="  "),
                "",
                *(figure.as_text(width, is_judged=is_judged) for figure in self.figures),
                *(() if self.grid is None else (self.grid.as_text(),)),
            )
        )


def ratios(
    name: str,
    over: Sequence[float],
    under: Sequence[float],
    bar: Bar | None = None,
    limit: float = 0.0,
) -> Figure:
    """Return the figure of `over` divided by `under`, round by round."""
    values = tuple(above / below for above, below in zip(over, under, strict=True))
    return Figure(name, "times", values, bar, limit)


def percentiles(
    name: str, milliseconds: Sequence[float], bar: Bar | None = None, limit: float = 0.0
) -> tuple[Figure, ...]:
    """Return the median, the 99th percentile and the maximum; `bar` applies to the percentile."""
    ordered = sorted(milliseconds)
    last = len(ordered) - 1
    return (
        Figure(f"{name}: p50", "ms", (ordered[last // 2],)),
        Figure(f"{name}: p99", "ms", (ordered[round(last * 0.99)],), bar, limit),
        Figure(f"{name}: max", "ms", (ordered[last],)),
    )


def take_turns(
    rounds: int, measures: dict[str, Callable[[], float]], *, warm_up: bool = True
) -> dict[str, tuple[float, ...]]:
    """Return the values of each measure, one per round.

    The measures take turns, so that other load on the machine affects all of them. Each round
    begins with a different measure. The values of the warm-up round are discarded.
    """
    names = list(measures)
    kept: dict[str, list[float]] = {name: [] for name in names}
    for number_ in range(0 if warm_up else 1, rounds + 1):
        first = number_ % len(names)
        for name in names[first:] + names[:first]:
            value = measures[name]()
            if number_:
                kept[name].append(value)
    return {name: tuple(values) for name, values in kept.items()}


def table(sections: Sequence[Section], *, is_judged: bool) -> str:
    """Return all sections as text, with columns of one width."""
    width = max(len(figure.name) for section in sections for figure in section.figures)
    return "\n\n".join(section.as_text(width, is_judged=is_judged) for section in sections)


def verdict(sections: Sequence[Section]) -> str:
    """Return how many bars are missed, and which, as lines of text."""
    judged = [
        (section, figure)
        for section in sections
        for figure in section.figures
        if figure.bar not in {None, Bar.GOAL}
    ]
    missed = [
        f"  {section.title}: {figure.name}: {number(median(figure.values))} {figure.unit} "
        f"({figure.bar} {figure.limit:g})"
        for section, figure in judged
        if not figure.is_met
    ]
    return "\n".join([f"Missed in this run: {len(missed)} of {len(judged)} bars.", *missed])


def raw(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """Return all sections with every value, for JSON."""
    return [asdict(section) for section in sections]


def number(value: float) -> str:
    """Return a value with three significant digits; if it is 100 or more, as a whole number."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"  # noqa: PLR2004  # digits

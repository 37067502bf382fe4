"""Growth: how the cost of reading grows with the number of contexts, and what rereading costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from sa_contexts_simulator import LIBRARY, Simulator

from app.repository.refresh.reader import EngineReader
from app.repository.snapshot.state import SnapshotBuild
from app.resources.sa_contexts.kind import SaContextKind
from benchmarks.cold import NAIVE
from benchmarks.figures import Bar, Figure, Section, ratios, take_turns
from benchmarks.plot import Series
from benchmarks.refreshes import UNIT, refresh, settled, size_of_naive, size_of_refresh, timed
from benchmarks.sizes import SEED, Sizes
from bindings.engine import Engine
from bindings.interfaces import interface_aliases
from bindings.library import Library
from bindings.session import Session


CHANGED_PERCENT = (0, 1, 20)
MAX_DEVIATION = 15.0
"""Maximum deviation of a cost from the line through all costs, in percent."""


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds as a linear function of the number of contexts."""

    seconds: float
    seconds_a_context: float

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> Line:
        """Return the line with the smallest sum of squared relative errors.

        Args:
            points: pairs, each a number of contexts and the seconds that they took.
        """
        weights = [1 / seconds**2 for _, seconds in points]
        total = sum(weights)
        mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
        mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
        slope = sum(
            w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True)
        ) / sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
        return cls(mean_y - slope * mean_x, slope)

    def at(self, contexts: float) -> float:
        """Return the line's seconds for a number of contexts."""
        return self.seconds + self.seconds_a_context * contexts

    def deviation(self, points: Sequence[tuple[float, float]]) -> float:
        """Return the maximum deviation of a point, in percent of the line's value."""
        return max(abs(seconds / self.at(contexts) - 1) for contexts, seconds in points) * 100


def measure(sizes: Sizes) -> list[Section]:
    """Measure our way and the naive way at growing numbers of contexts, in turns."""
    few, many = sizes.growth[0], sizes.growth[-1]
    simulator, library = Simulator(LIBRARY), Library(LIBRARY)
    with Engine(library) as engine, Session(library) as session, settled():
        reader = EngineReader(engine, SaContextKind(interface_aliases))

        def ours(contexts: int) -> Callable[[], float]:
            return _populated(simulator, contexts, timed(lambda: size_of_refresh(reader), contexts))

        def naive(contexts: int) -> Callable[[], float]:
            read = timed(lambda: size_of_naive(session, contexts), contexts)
            return _populated(simulator, contexts, read)

        naive_sizes = [contexts for contexts in sizes.growth if contexts <= sizes.naive_most]
        taken = take_turns(
            sizes.few_rounds,
            {
                **{f"ours, {contexts}": ours(contexts) for contexts in sizes.growth},
                **{f"naive, {contexts}": naive(contexts) for contexts in naive_sizes},
            },
            warm_up=False,
        )
        again = _again(sizes, simulator, reader)
    points = [(n, median(taken[f"ours, {n}"]) * n / 1e6) for n in sizes.growth]
    line = Line.through(points)
    most = naive_sizes[-1]
    return [
        Section(
            f"Growth: reading {few} to {many} contexts, in process",
            f"As above. The naive way reads no more than {most} contexts: its cost per "
            f"context is nearly constant above {naive_sizes[0]}. Ours is compared with the "
            "straight line with the least relative errors: seconds = "
            f"{line.seconds:.3g} + {line.seconds_a_context:.3g} * contexts.",
            (
                *(Figure(name, UNIT, values) for name, values in taken.items()),
                ratios(
                    f"naive, {most} / naive, {naive_sizes[0]}",
                    taken[f"naive, {most}"],
                    taken[f"naive, {naive_sizes[0]}"],
                ),
                ratios(
                    f"naive, {most} / ours, {many}",
                    taken[f"naive, {most}"],
                    taken[f"ours, {many}"],
                    Bar.AT_LEAST,
                    NAIVE,
                ),
                Figure(
                    "ours: farthest off the line",
                    "%",
                    (line.deviation(points),),
                    Bar.AT_MOST,
                    MAX_DEVIATION,
                ),
            ),
        ),
        again,
    ]


def series(section: Section) -> list[Series]:
    """Return the growth section's series: seconds by number of contexts, and the fitted lines."""
    lines = []
    for way in ("ours", "naive"):
        points = []
        for figure in section.figures:
            name, _, contexts = figure.name.partition(", ")
            if name == way and contexts.isdecimal():
                points.append((float(contexts), median(figure.values) * int(contexts) / 1e6))
        lines.append(Series(way, points, Line.through(points).at))
    return lines


def _populated(
    simulator: Simulator, contexts: int, measure_: Callable[[], float]
) -> Callable[[], float]:
    def populated() -> float:
        simulator.populate(contexts, SEED)
        return measure_()

    return populated


def _again(sizes: Sizes, simulator: Simulator, reader: EngineReader) -> Section:
    """Measure refreshes after different percentages of the contexts have changed."""
    figures = []
    for contexts in (sizes.small, sizes.large):
        simulator.populate(contexts, SEED)
        newest = [refresh(reader)]
        for percent in CHANGED_PERCENT:
            values = []
            for _ in range(sizes.few_rounds):
                simulator.churn(contexts * percent // 100)
                count = simulator.count()
                values.append(timed(partial(_renew, reader, newest), count)())
            figures.append(Figure(f"{contexts}, {percent} % changed", UNIT, tuple(values)))
    return Section(
        "Again: reading what was read before, in process",
        "A refresh beside the previous snapshot: all contexts are read, and the changed ones "
        "decoded and encoded; the rest stays in place in memory.",
        tuple(figures),
    )


def _renew(reader: EngineReader, newest: list[SnapshotBuild]) -> int:
    """Replace the newest snapshot with a new one; return its number of contexts."""
    newest[0] = refresh(reader, newest[0])
    return len(newest[0].snapshot.ids)

"""A plot of lines on logarithmic axes, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10


WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 90, 20, 50
COLOURS = ("#0b6e99", "#b5480f")


@dataclass(frozen=True, slots=True)
class Series:
    """Measured points, and the line that was fitted to them."""

    name: str
    points: Sequence[tuple[float, float]]
    line: Callable[[float], float]


class Axes:
    """Map values to positions on the plot. Both axes begin and end at a power of ten."""

    def __init__(self, series: Sequence[Series]) -> None:
        xs = [x for each in series for x, _ in each.points]
        ys = [y for each in series for _, y in each.points]
        self.x_decades = range(floor(log10(min(xs))), ceil(log10(max(xs))) + 1)
        self.y_decades = range(floor(log10(min(ys))), ceil(log10(max(ys))) + 1)

    def x(self, value: float) -> float:
        """Return the position of a value, in pixels from the left."""
        part = (log10(value) - self.x_decades[0]) / (self.x_decades[-1] - self.x_decades[0])
        return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Return the position of a value, in pixels from the top."""
        part = (log10(value) - self.y_decades[0]) / (self.y_decades[-1] - self.y_decades[0])
        return round(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM), 1)


def svg(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """Return the plot as an SVG document."""
    axes = Axes(series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        '<g font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_grid(axes),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label),
        f'<g transform="rotate(-90 18 {HEIGHT / 2})">{_text(18, HEIGHT / 2, y_label)}</g>',
    ]
    for each, colour in zip(series, COLOURS, strict=False):
        parts += _series(axes, each, colour)
    return "\n".join((*parts, "</g>", "</svg>", ""))


def _grid(axes: Axes) -> Iterator[str]:
    left, right = LEFT, WIDTH - RIGHT
    top, bottom = TOP, HEIGHT - BOTTOM
    for decade in axes.x_decades:
        x = axes.x(10.0**decade)
        yield f'<path d="M{x} {top}V{bottom}" stroke="#ddd"/>'
        yield _text(x, bottom + 18, f"{10**decade:,}" if decade >= 0 else f"{10.0**decade:g}")
    for decade in axes.y_decades:
        y = axes.y(10.0**decade)
        yield f'<path d="M{left} {y}H{right}" stroke="#ddd"/>'
        yield _text(left - 8, y + 4, f"{10.0**decade:g}", anchor="end")
    yield f'<path d="M{left} {top}V{bottom}H{right}" stroke="#333" fill="none"/>'


def _series(axes: Axes, series: Series, colour: str) -> Iterator[str]:
    points = sorted(series.points)
    (first, _), (last, last_y) = points[0], points[-1]
    steps = [first * (last / first) ** (step / 20) for step in range(21)]
    path = "L".join(f"{axes.x(x)} {axes.y(series.line(x))}" for x in steps)
    yield f'<path d="M{path}" stroke="{colour}" fill="none"/>'
    for x, y in points:
        yield f'<circle cx="{axes.x(x)}" cy="{axes.y(y)}" r="4" fill="{colour}"/>'
    yield _text(axes.x(last) + 10, axes.y(last_y) + 4, series.name, anchor="start", fill=colour)


def _text(x: float, y: float, text: str, *, anchor: str = "middle", fill: str = "#333") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'

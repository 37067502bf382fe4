"""How smooth a page is, as its browser measures it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles

from playwright.sync_api import Page


OBSERVE = """
globalThis.smoothness = {tasks: [], frames: []};
new PerformanceObserver((list) => {
  smoothness.tasks.push(...list.getEntries().map((entry) => entry.duration));
}).observe({type: 'longtask'});
(function frame(before) {
  requestAnimationFrame((now) => {
    if (before !== undefined) smoothness.frames.push(now - before);
    frame(now);
  });
})();
"""


@dataclass(frozen=True, slots=True)
class Smoothness:
    """What a page did over a period, in milliseconds.

    Attributes:
        long_tasks: the tasks of more than 50 ms, which is how browsers define a long task.
        frames: the intervals between frames.
    """

    long_tasks: list[float]
    frames: list[float]

    @property
    def p95_frame(self) -> float:
        """The interval between frames that 95% of them do not exceed."""
        return quantiles(self.frames, n=20)[-1]


def observe(page: Page) -> None:
    """Measure the pages that are opened from now on."""
    page.add_init_script(OBSERVE)


def smoothness(page: Page) -> Smoothness:
    """Return what was measured since the page was opened, or since the last call."""
    found = page.evaluate(
        "() => { const found = smoothness; smoothness = {tasks: [], frames: []}; return found; }"
    )
    return Smoothness(found["tasks"], found["frames"])

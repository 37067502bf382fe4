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


OBSERVE_FILLING = """
new MutationObserver(() => {
  const tiles = [...document.querySelectorAll('.tile-value')];
  const isFilled = tiles.length > 0 && tiles.every((tile) => /^[0-9]/.test(tile.textContent))
    && document.querySelector('[aria-busy=true]') === null;
  if (isFilled) globalThis.filledAt ??= performance.now();
}).observe(document, {childList: true, subtree: true, characterData: true});
"""


def observe_filling(page: Page) -> None:
    """Note when the overview of the pages that are opened from now on is filled."""
    page.add_init_script(OBSERVE_FILLING)


def seconds_to_fill(page: Page) -> float:
    """Return the time from the first byte of the document to a filled overview."""
    milliseconds: float | None = page.evaluate(
        "globalThis.filledAt && "
        "filledAt - performance.getEntriesByType('navigation')[0].responseStart"
    )
    assert milliseconds is not None, "the overview is not filled"
    return milliseconds / 1000


@dataclass(frozen=True, slots=True)
class Memory:
    """What a page keeps, after a garbage collection.

    Attributes:
        heap: the bytes of its JavaScript objects.
        nodes: the number of its DOM nodes.
        listeners: the number of its event listeners.
    """

    heap: int
    nodes: int
    listeners: int


def memory(page: Page) -> Memory:
    """Collect garbage, and return what the page keeps."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    counters = session.send("Memory.getDOMCounters")
    session.detach()
    return Memory(int(heap), counters["nodes"], counters["jsEventListeners"])

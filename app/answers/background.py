"""Background work of answers. A failure ends neither the work nor the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio
import structlog
from prometheus_client import CollectorRegistry, Counter

from app.service import Service
from app.telemetry.metrics.registry import Sampler


log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 60.0
LASTING_SECONDS: Final = 600.0
"""Maximum time between two equal failures that count as one lasting failure."""

FAILURES: Final = Counter(
    "sa_contexts_background_failures",
    "Unexpected failures of the work beside requests, by the answer that it is for.",
    ["answer"],
    registry=None,
)
"""Counts the failures of this process."""


async def run_on(work: Callable[[], Awaitable[None]]) -> None:
    """Run work that does not end; if it fails, begin again after a minute.

    Every failure is counted; a lasting one is logged once, not each time. If it reached the task
    group, it would cancel the parts of all resources.

    Args:
        work: a function of an answer; the failures are counted under that answer's name.
    """
    failures = FAILURES.labels(_answer_of(work))
    last, failed = "", float("-inf")
    while True:
        try:
            await work()
        except Exception as error:
            failures.inc()
            now = anyio.current_time()
            if repr(error) != last or now - failed > LASTING_SECONDS:
                name = getattr(work, "__qualname__", repr(work))
                log.exception("background_work_failed", work=name)
            last, failed = repr(error), now
        await anyio.sleep(RETRY_SECONDS)


def add_metrics(_service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the counter of failures, whose series begin with the work."""
    registry.register(FAILURES)
    return ()


def _answer_of(work: Callable[[], Awaitable[None]]) -> str:
    """Return the name of the package of `app.answers` that defines a function."""
    module: str = getattr(work, "__module__", "")
    return module.removeprefix("app.answers.").partition(".")[0]

"""Read all contexts in this process, our way and the naive way, and measure the time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import thread_time

from app.repository.refresh.reader import EngineReader
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.state import CurrentState, SnapshotBuild
from benchmarks.fixture import naive_json
from benchmarks.sizes import PAGE_LIMIT
from bindings.session import Session


UNIT = "us/context"


def refresh(reader: EngineReader, previous: SnapshotBuild | None = None) -> SnapshotBuild:
    """Refresh as the store does; without `previous`, as in the first refresh."""
    return reader.read_all(
        lambda _incarnation: SnapshotBuilder(
            "e", datetime.now(UTC), 0.0, previous=previous and CurrentState(previous)
        ),
        lambda _snapshot: None,
    )[0]


def size_of_refresh(reader: EngineReader, previous: SnapshotBuild | None = None) -> int:
    """Refresh; return the number of contexts."""
    return len(refresh(reader, previous).snapshot.ids)


def size_of_naive(session: Session, contexts: int) -> int:
    """Read the contexts the naive way; return `contexts`.

    This checks only the number of pages; `fixture.check` compares the contexts.
    """
    pages = naive_json(session, PAGE_LIMIT)
    assert len(pages) == contexts // PAGE_LIMIT + 1
    return contexts


def timed(work: Callable[[], int], contexts: int) -> Callable[[], float]:
    """Return a function that measures `work`, in microseconds per context.

    `work` returns how many contexts it read. It never waits, so the processor time of this thread
    is measured, which excludes other load on the machine.
    """

    def microseconds() -> float:
        gc.collect()
        began = thread_time()
        seen = work()
        elapsed = thread_time() - began
        assert seen == contexts, f"{seen} contexts instead of {contexts}"
        return elapsed / contexts * 1e6

    return microseconds


@contextmanager
def settled() -> Iterator[None]:
    """Exclude all existing objects from garbage collection, as a running server does."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

"""Reading everything in this process, ours and the naive way, and the time that takes."""

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
    """What the store does; without a previous edition, as with an engine not read before."""
    return reader.read_all(
        lambda _incarnation: SnapshotBuilder(
            "e", datetime.now(UTC), 0.0, previous=previous and CurrentState(previous)
        ),
        lambda _snapshot: None,
    )[0]


def size_of_refresh(reader: EngineReader, previous: SnapshotBuild | None = None) -> int:
    """Refresh; how many contexts there were."""
    return len(refresh(reader, previous).snapshot.ids)


def size_of_naive(session: Session, contexts: int) -> int:
    """Read so many the naive way; that each page has as many as it should `fixture` checks."""
    pages = naive_json(session, PAGE_LIMIT)
    assert len(pages) == contexts // PAGE_LIMIT + 1
    return contexts


def timed(work: Callable[[], int], contexts: int) -> Callable[[], float]:
    """Return the microseconds per context of `work`, which returns how many it saw.

    They are those that this thread has the processor: nothing here waits, and what others
    do on the machine is no part of it.
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
    """What there is now is not looked at by the garbage collector, as in a server that runs."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

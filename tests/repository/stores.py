"""Running stores that the simulator notifies, to test how they react."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from app.repository.limits import StoreLimits
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.reader import EngineReader
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.state import SnapshotBuild
from app.repository.store import Store
from app.resources.sa_contexts.encoding import no_alias
from app.resources.sa_contexts.kind import SaContextKind
from bindings.engine import Engine
from bindings.library import Library


IMMEDIATE: dict[str, Any] = {
    "refresh_min_interval_seconds": 0,
    "refresh_interval_seconds": 3600,
    "refresh_debounce_seconds": 0,
}


@asynccontextmanager
async def running_store(
    library: Library, *, max_dirty_ids: int = 1000, **limits: Any
) -> AsyncIterator[Store]:
    """Run a store without delays, which refreshes unasked only at its start."""
    dirty_ids = DirtyIds(max_dirty_ids)
    with Engine(library, on_change=lambda _event, number: dirty_ids.add(number)) as engine:
        reader = EngineReader(engine, SaContextKind(lambda: no_alias))
        store = Store(reader, StoreLimits(**{**IMMEDIATE, **limits}), dirty_ids=dirty_ids)
        async with store.running():
            yield store


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Run the loop until a condition holds."""
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.lowlevel.checkpoint()


class Gate:
    """Blocks the building of snapshots when they are nearly finished."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_reached = Event()
        self._open = Event()
        self._open.set()
        finish = SnapshotBuilder.build

        def held_up(assembly: SnapshotBuilder) -> SnapshotBuild:
            self.is_reached.set()
            self._open.wait(10)
            return finish(assembly)

        monkeypatch.setattr(SnapshotBuilder, "build", held_up)

    def close(self) -> None:
        self.is_reached.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

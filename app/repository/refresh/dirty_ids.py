"""Dirty ids: the objects that the engine has reported as changed."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import anyio


class DirtyIds:
    """A bounded queue of ids for point refreshes, in order of arrival.

    Any thread may add an id, even one of the engine's: `add` takes no lock, never
    blocks, and is harmless after the loop has ended.

    Attributes:
        has_overflowed: whether an id was dropped since this was last set to False.
    """

    def __init__(self, max_count: int) -> None:
        self.has_overflowed = False
        self._max_count = max_count
        self._ids: deque[int] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = anyio.Event()
        self._is_wake_scheduled = False

    def add(self, object_id: int) -> None:
        """Queue an object for a point refresh."""
        if len(self._ids) < self._max_count:
            self._ids.append(object_id)
        else:
            self.has_overflowed = True
        loop = self._loop
        if loop is not None and not self._is_wake_scheduled:
            self._is_wake_scheduled = True
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake)

    def add_later(self, object_id: int, seconds: float) -> None:
        """Queue an object after a delay. Call it on the event loop only."""
        asyncio.get_running_loop().call_later(seconds, self.add, object_id)

    async def wait(self) -> None:
        """Wait until there are ids or one was dropped. Only one task may wait."""
        self._loop = asyncio.get_running_loop()
        if not self._ids and not self.has_overflowed:
            await self._arrived.wait()
        self._arrived = anyio.Event()
        self._is_wake_scheduled = False  # before pop_all: later ids schedule another wake

    def pop_all(self) -> list[int]:
        """Remove and return all ids, each once."""
        popped: dict[int, None] = {}
        with suppress(IndexError):
            while True:
                popped[self._ids.popleft()] = None
        return list(popped)

    def _wake(self) -> None:
        self._arrived.set()

"""Hints: which contexts the engine says something has happened to."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import anyio


class DirtyIds:
    """Ids for the store to look at, in the order in which they came.

    Any thread may give a hint, also one of the engine's own: that takes no lock, waits for
    nothing, and does no harm when the loop has ended.

    Attributes:
        has_overflowed: whether one was not kept since this was last set to False.
    """

    def __init__(self, max_count: int) -> None:
        """Make hints of which at most so many are kept."""
        self.has_overflowed = False
        self._most = max_count
        self._ids: deque[int] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._given = anyio.Event()
        self._is_awake = False

    def add(self, object_id: int) -> None:
        """Have a context looked at soon."""
        if len(self._ids) < self._most:
            self._ids.append(object_id)
        else:
            self.has_overflowed = True
        loop = self._loop
        if loop is not None and not self._is_awake:
            self._is_awake = True
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake)

    def add_later(self, object_id: int, seconds: float) -> None:
        """Have a context looked at then. In the event loop only."""
        asyncio.get_running_loop().call_later(seconds, self.add, object_id)

    async def wait(self) -> None:
        """Wait until there are hints."""
        self._loop = asyncio.get_running_loop()
        if not self._ids and not self.has_overflowed:
            await self._given.wait()
        self._given = anyio.Event()
        self._is_awake = False  # before they are taken: what comes from now on wakes again

    def pop_all(self) -> list[int]:
        """All hints, each id once; they are then no longer here."""
        taken: dict[int, None] = {}
        with suppress(IndexError):
            while True:
                taken[self._ids.popleft()] = None
        return list(taken)

    def _wake(self) -> None:
        self._given.set()

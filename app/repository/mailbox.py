"""A queue from any thread, even one of the engine's, to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar


T = TypeVar("T")


class Mailbox(Generic[T]):
    """A bounded queue that one task of the event loop reads; if full, it drops its oldest item.

    Any thread may call `put`: it takes no lock, never blocks, and is safe after the loop has
    ended.
    """

    def __init__(self, max_count: int) -> None:
        self._items: deque[T] = deque(maxlen=max_count)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._is_wake_scheduled = False

    def put(self, item: T) -> None:
        """Append an item and wake the event loop, if it still runs."""
        self._items.append(item)
        loop = self._loop
        if loop is not None and not self._is_wake_scheduled:
            self._is_wake_scheduled = True
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._arrived.set)

    async def wait(self) -> None:
        """Wait until there are items. Only one task may wait."""
        self._loop = asyncio.get_running_loop()
        if not self._items:
            await self._arrived.wait()
        self._arrived.clear()
        self._is_wake_scheduled = False  # from now on, a new item wakes the loop again

    def peek(self) -> list[T]:
        """Return all items, oldest first, without removing them."""
        return [*self._items.copy()]  # the copy is atomic: threads append meanwhile

    def take(self, max_count: int | None = None) -> list[T]:
        """Remove and return items, oldest first: at most `max_count`, or all."""
        taken: list[T] = []
        with suppress(IndexError):
            while max_count is None or len(taken) < max_count:
                taken.append(self._items.popleft())
        return taken

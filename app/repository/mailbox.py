"""Net events on their way from a thread of the library to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from itertools import count
from threading import Lock

import anyio

from bindings.net_event import NetEvent


class Mailbox:
    """A bounded queue of net events, numbered in order of arrival.

    Any thread may put an event; it waits only for other threads that do so. When the
    mailbox is full, the oldest event is dropped, which leaves a gap in the numbers.
    """

    def __init__(self, max_count: int) -> None:
        self._numbers = count(1)
        self._put_lock = Lock()
        self._events: deque[tuple[int, NetEvent]] = deque(maxlen=max_count)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = anyio.Event()
        self._is_wake_scheduled = False

    def put(self, event: NetEvent) -> None:
        """Append an event and wake the event loop, if it still runs."""
        with self._put_lock:
            self._events.append((next(self._numbers), event))
        loop = self._loop
        if loop is not None and not self._is_wake_scheduled:
            self._is_wake_scheduled = True
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake)

    async def wait(self) -> None:
        """Wait until there are events. Only one task may wait."""
        self._loop = asyncio.get_running_loop()
        if not self._events:
            await self._arrived.wait()
        self._arrived = anyio.Event()
        self._is_wake_scheduled = False  # before take_all: later events schedule another wake

    def take_all(self) -> list[tuple[int, NetEvent]]:
        """Remove and return all events with their numbers, oldest first."""
        taken: list[tuple[int, NetEvent]] = []
        with suppress(IndexError):
            while True:
                taken.append(self._events.popleft())
        return taken

    def _wake(self) -> None:
        self._arrived.set()

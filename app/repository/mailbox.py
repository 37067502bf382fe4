"""What the engine tells, handed from a thread of its library's to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from itertools import count
from threading import Lock

import anyio

from bindings.net_event import NetEvent


class Mailbox:
    """Net events on their way to the ring, in the order in which they came.

    Any thread may give one: that waits for nothing but the same of another, and does no harm when
    the loop has ended. Of more than are kept the oldest are dropped, which shows in the numbers.
    """

    def __init__(self, max_count: int) -> None:
        """Make room for so many."""
        self._numbers = count(1)
        self._in_order = Lock()
        self._events: deque[tuple[int, NetEvent]] = deque(maxlen=max_count)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._given = anyio.Event()
        self._is_awake = False

    def put(self, event: NetEvent) -> None:
        """Hand over an event."""
        with self._in_order:
            self._events.append((next(self._numbers), event))
        loop = self._loop
        if loop is not None and not self._is_awake:
            self._is_awake = True
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake)

    async def wait(self) -> None:
        """Wait until there are some. In one task at a time."""
        self._loop = asyncio.get_running_loop()
        if not self._events:
            await self._given.wait()
        self._given = anyio.Event()
        self._is_awake = False  # before they are taken: what comes from now on wakes again

    def take_all(self) -> list[tuple[int, NetEvent]]:
        """All of them, each with its number; they are then no longer here."""
        taken: list[tuple[int, NetEvent]] = []
        with suppress(IndexError):
            while True:
                taken.append(self._events.popleft())
        return taken

    def _wake(self) -> None:
        self._given.set()

"""Waking all waiters, without saying why: each checks for itself what has changed."""

from __future__ import annotations

from typing import Final

import anyio


TICK_SECONDS: Final = 5.0
"""The longest that a waiter sleeps while the ticks run."""


class Notifier:
    """Wakes all waiters at once. Belongs to one event loop."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def notify_all(self) -> None:
        """Wake all waiters."""
        event, self._event = self._event, anyio.Event()
        event.set()

    async def wait(self) -> None:
        """Wait for the next notification."""
        await self._event.wait()

    async def tick(self) -> None:
        """Wake all waiters regularly until cancelled, for their time-based work."""
        while True:
            await anyio.sleep(TICK_SECONDS)
            self.notify_all()

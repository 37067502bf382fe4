"""Notification of waiters, without a reason: each waiter checks for itself what has changed."""

from __future__ import annotations

import asyncio


class Notifier:
    """Wakes all waiters or a single one. Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[object, asyncio.Future[None]] = {}

    def notify_all(self) -> None:
        """Wake all waiters."""
        for waiter in [*self._waiting]:
            self.notify(waiter)

    def notify(self, waiter: object) -> None:
        """Wake one waiter, if it is waiting."""
        woken = self._waiting.pop(waiter, None)
        if woken is not None and not woken.done():
            woken.set_result(None)

    async def wait(self, waiter: object) -> None:
        """Wait until all waiters or this one are notified."""
        woken = self._waiting[waiter] = asyncio.get_running_loop().create_future()
        try:
            await woken
        finally:
            self._waiting.pop(waiter, None)

"""News: waking all who wait for something to happen, and do not mind which."""

from __future__ import annotations

from typing import Final

import anyio


TICK_SECONDS: Final = 5.0
"""How long one who waits for news sleeps at most."""


class Notifier:
    """Wakes everybody who waits. Belongs to one event loop."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def notify_all(self) -> None:
        """Wake all who wait now."""
        event, self._event = self._event, anyio.Event()
        event.set()

    async def wait(self) -> None:
        """Wait until the next news."""
        await self._event.wait()

    async def tick(self) -> None:
        """Wake all who wait, again and again until cancelled, for what they do in time."""
        while True:
            await anyio.sleep(TICK_SECONDS)
            self.notify_all()

"""How long clients wait for one answer of the engine: a while, and not beyond the server's stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut


T = TypeVar("T")


class EngineDeadline:
    """The patience of all who wait. Belongs to one event loop.

    Attributes:
        seconds: how long each waits.
    """

    def __init__(self, seconds: float) -> None:
        """Make one of so many seconds, which lasts until it is ended."""
        self.seconds = seconds
        self._over = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    async def run(self, answer: Callable[[], Awaitable[T]]) -> T:
        """The answer, if it comes before the patience is over.

        A thread that gives it must be one that may be left (`abandon_on_cancel`).

        Raises:
            EngineTimedOut: it did not come in time.
            ShuttingDown: the server stops.
        """
        if self._over.is_set():
            raise ShuttingDown
        with anyio.move_on_after(self.seconds) as scope:
            self._scopes.add(scope)
            try:
                return await answer()
            finally:
                self._scopes.discard(scope)
        raise ShuttingDown if self._over.is_set() else EngineTimedOut

    def cancel_all(self) -> None:
        """Tell all who wait, and who will, that the server stops."""
        self._over.set()
        for scope in self._scopes:
            scope.cancel()

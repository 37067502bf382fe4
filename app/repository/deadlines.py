"""The deadline for calls of the engine: a timeout per request, which a shutdown ends early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut


T = TypeVar("T")


class EngineDeadline:
    """Limits how long requests wait for the engine. Belongs to one event loop.

    Attributes:
        seconds: the timeout of each request.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._stopping = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    async def run(self, fn: Callable[[], Awaitable[T]], *, since: float | None = None) -> T:
        """Call `fn` and return its result if `fn` ends in time.

        Args:
            fn: if it waits for a thread, it must use `abandon_on_cancel`.
            since: when the request began to wait, on the event loop's clock; None: now.

        Raises:
            EngineTimedOut: `fn` did not end in time.
            ShuttingDown: the server is stopping.
        """
        if self._stopping.is_set():
            raise ShuttingDown
        start = anyio.current_time() if since is None else since
        with anyio.CancelScope(deadline=start + self.seconds) as scope:
            self._scopes.add(scope)
            try:
                return await fn()
            finally:
                self._scopes.discard(scope)
        raise ShuttingDown if self._stopping.is_set() else EngineTimedOut

    def cancel_all(self) -> None:
        """Raise `ShuttingDown` in every current and future `run`."""
        self._stopping.set()
        for scope in self._scopes:
            scope.cancel()

"""The streams that are open: how many there may be, for how long, and their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio


FAREWELL_SECONDS = 1.0
"""How long clients are given for the last event when the server stops."""


class TooManyStreams(Exception):
    """No further stream may begin."""


class Streams:
    """The open streams. Belongs to one event loop.

    Attributes:
        count: how many are open.
        seconds: how long one may last.
    """

    def __init__(self, most: int, seconds: float) -> None:
        """Make room for so many streams, each of which lasts at most so long."""
        self.count = 0
        self.seconds = seconds
        self._most = most
        self._stopping = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    def require_room(self) -> None:
        """Do nothing where another stream may begin.

        Raises:
            TooManyStreams: it may not.
        """
        if self.count >= self._most:
            raise TooManyStreams

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a stream until the end of the block, which ends early when the server stops."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            self.count += 1
            try:
                yield
            finally:
                self.count -= 1
                self._scopes.discard(scope)

    @property
    def is_stopping(self) -> bool:
        """Whether they are to end."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Have them end, each when it next looks."""
        self._stopping.set()

    async def run(self) -> None:
        """End those that are still there some time after the stop."""
        await self._stopping.wait()
        await anyio.sleep(FAREWELL_SECONDS)
        for scope in self._scopes:
            scope.cancel()

"""The streams that are open: how many there may be, for how long, and their end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import anyio

from app.repository.notifier import Notifier


CLOSE_SECONDS = 1.0
"""How long clients are given for the last event when the server stops."""
CHECK_SECONDS = 0.5
"""How often to look whether those who watch still may."""


class EventSource(Protocol):
    """Where a stream's events come from."""

    @property
    def notifier(self) -> Notifier:
        """Tells when there may be more."""

    @property
    def lag(self) -> int:
        """How much has happened that was not taken yet, in the source's own unit."""

    async def begin(self) -> None:
        """Begin, before anything is sent; what it raises is answered instead of a stream."""

    async def next_batch(self) -> bytes | None:
        """The text of what comes next; None, at once, where there is nothing yet."""

    def bookmark(self) -> bytes | None:
        """An event that only tells where the stream is; None where the client knows."""

    def close(self) -> None:
        """Let go of what is held."""


class OpenStream(NamedTuple):
    """A stream that is open.

    Attributes:
        source: of its events.
        is_authorized: tells whether its client may still have them.
        caller_key: what its caller is counted as; None where that is not done.
    """

    source: EventSource
    is_authorized: Callable[[], bool]
    caller_key: Hashable | None


class TooManyStreams(Exception):
    """No further stream may begin."""


class StreamRegistry:
    """The open streams. Belongs to one event loop.

    Attributes:
        seconds: how long one may last.
    """

    def __init__(self, max_count: int, seconds: float, max_per_caller: int | None = None) -> None:
        """Make room for streams.

        Args:
            max_count: how many there may be.
            seconds: how long each may last.
            max_per_caller: how many one caller may have; None: all.
        """
        self.seconds = seconds
        self._max_count = max_count
        self._max_per_caller = max_count if max_per_caller is None else max_per_caller
        self._stopping = anyio.Event()
        self._open: dict[anyio.CancelScope, OpenStream] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def lag(self, kind: type[EventSource]) -> int:
        """How far the one is behind that is furthest behind, of those from one kind of source."""
        sources = (stream.source for stream in self._open.values())
        lags = (source.lag for source in sources if type(source) is kind)
        return max(lags, default=0)

    def require_capacity(self) -> None:
        """Do nothing where another stream may begin.

        Raises:
            TooManyStreams: it may not.
        """
        if self.count >= self._max_count:
            raise TooManyStreams

    @contextmanager
    def register(
        self,
        source: EventSource,
        is_authorized: Callable[[], bool],
        caller_key: Hashable | None = None,
    ) -> Iterator[None]:
        """Count a stream until the end of the block, which ends early when the server stops.

        Args:
            source: of its events; whoever waits for its news is woken when the stream is to end.
            is_authorized: tells whether the client may still have them.
            caller_key: what the caller is counted as; None: nothing.

        Raises:
            TooManyStreams: no further one of this caller may begin.
        """
        if caller_key is not None and self._of(caller_key) >= self._max_per_caller:
            raise TooManyStreams
        with anyio.CancelScope() as scope:
            self._open[scope] = OpenStream(source, is_authorized, caller_key)
            try:
                yield
            finally:
                del self._open[scope]

    def _of(self, caller: Hashable) -> int:
        return sum(stream.caller_key == caller for stream in self._open.values())

    @property
    def is_stopping(self) -> bool:
        """Whether they are to end."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Have them end, each when it next looks."""
        self._stopping.set()

    async def run(self) -> None:
        """Wake those that may not go on; some time after the stop, end those that are left."""
        while not self.is_stopping:
            with anyio.move_on_after(CHECK_SECONDS):
                await self._stopping.wait()
            for stream in self._open.values():
                if not stream.is_authorized():
                    stream.source.notifier.notify_all()
        await anyio.sleep(CLOSE_SECONDS)
        for scope in self._open:
            scope.cancel()

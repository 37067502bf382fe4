"""The registry of open event streams: their number, their duration and their end.

How a stream ends: after each batch of events and each notification, a stream ends if the client
is no longer authorized, its maximum duration is over, or the server is stopping. The registry
wakes each stream that must end or send a keep-alive. At shutdown, streams that do not end by
themselves are cancelled after a grace period.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import anyio

from app.repository.fairness import FairLimiter
from app.repository.notifier import Notifier


CLOSE_SECONDS = 1.0
"""How long streams may take to send their last event at shutdown."""
CHECK_SECONDS = 0.5
"""The time between two checks of all streams."""


class EventSource(Protocol):
    """The source of one stream's events."""

    @property
    def notifier(self) -> Notifier:
        """The notifier of new events, on which the stream waits with this source as the waiter."""

    @property
    def lag(self) -> int:
        """How much the client has not received yet, in the source's own unit."""

    async def begin(self) -> None:
        """Prepare the stream; an error raised here becomes a problem response."""

    async def next_batch(self) -> bytes | None:
        """Return the next events; None if there are none yet. Does not wait for new events."""

    def bookmark(self) -> bytes | None:
        """Return an event with the stream's position; None if the client knows the position."""

    def close(self) -> None:
        """Release the source's resources."""


class OpenStream(NamedTuple):
    """An open stream.

    Attributes:
        source: the source of its events.
        is_due: returns whether to wake the stream even if it has no events.
        caller_key: identifies the caller for its limit; None if it is not limited.
    """

    source: EventSource
    is_due: Callable[[], bool]
    caller_key: Hashable | None


class TooManyStreams(Exception):
    """The maximum number of streams is open, in total or for the caller."""


class StreamRegistry:
    """The open streams. Belongs to one event loop.

    Attributes:
        seconds: the maximum duration of a stream.
        turns: admits the next batch of a stream to the event loop.
    """

    def __init__(
        self,
        max_count: int,
        seconds: float,
        max_per_caller: int | None = None,
        turns: FairLimiter | None = None,
    ) -> None:
        """Create an empty registry.

        Args:
            max_count: the maximum number of streams.
            seconds: the maximum duration of a stream.
            max_per_caller: the maximum number per caller; None: no separate limit.
            turns: see the attribute.
        """
        self.seconds = seconds
        self.turns = turns or FairLimiter(1)
        self._max_count = max_count
        self._max_per_caller = max_count if max_per_caller is None else max_per_caller
        self._stopping = anyio.Event()
        self._open: dict[anyio.CancelScope, OpenStream] = {}

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._open)

    def lag(self, kind: type[EventSource]) -> int:
        """Return the largest lag of all streams with this kind of source; 0 if there are none."""
        sources = (stream.source for stream in self._open.values())
        lags = (source.lag for source in sources if type(source) is kind)
        return max(lags, default=0)

    def require_capacity(self) -> None:
        """Raise an error if no further stream may begin.

        Raises:
            TooManyStreams: the maximum total number of streams is open.
        """
        if self.count >= self._max_count:
            raise TooManyStreams

    @contextmanager
    def register(
        self,
        source: EventSource,
        is_due: Callable[[], bool],
        caller_key: Hashable | None = None,
    ) -> Iterator[None]:
        """Register a stream for the duration of the block, which a shutdown may cancel.

        Args:
            source: the source of its events.
            is_due: returns whether to wake the stream even if it has no events.
            caller_key: identifies the caller for its limit; None: not limited.

        Raises:
            TooManyStreams: the maximum number of streams of this caller is open.
        """
        if caller_key is not None and self._count_of(caller_key) >= self._max_per_caller:
            raise TooManyStreams
        with anyio.CancelScope() as scope:
            self._open[scope] = OpenStream(source, is_due, caller_key)
            try:
                yield
            finally:
                del self._open[scope]

    def _count_of(self, caller_key: Hashable) -> int:
        return sum(stream.caller_key == caller_key for stream in self._open.values())

    @property
    def is_stopping(self) -> bool:
        """Whether the server is stopping."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Make each stream end at its next check."""
        self._stopping.set()

    async def run(self) -> None:
        """Wake streams that are due; after `stop` and the grace period, cancel those still open."""
        while not self.is_stopping:
            with anyio.move_on_after(CHECK_SECONDS):
                await self._stopping.wait()
            for stream in self._open.values():
                if stream.is_due():
                    stream.source.notifier.notify(stream.source)
        await anyio.sleep(CLOSE_SECONDS)
        for scope in self._open:
            scope.cancel()

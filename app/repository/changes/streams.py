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

from app.net.send_queue import UNKNOWN, SendQueue
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
        """How much has not been sent to the client yet, in the source's own unit."""

    @property
    def sent(self) -> int:
        """How much there was up to the client's position, in the unit of `lag`."""

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
        delivery: what the client has received.
    """

    source: EventSource
    is_due: Callable[[], bool]
    caller_key: Hashable | None
    delivery: Delivery


class Delivery:
    """How far the client of a stream has acknowledged what was sent.

    How it works: now and then the source's position is marked with the number of bytes written by
    then. Once the client has acknowledged as many, it has received that position.
    """

    def __init__(self, source: EventSource, send_queue: Callable[[], SendQueue]) -> None:
        self._source = source
        self._send_queue = send_queue
        self._received: int | None = None
        self._marked = 0
        self._mark_bytes: int | None = None

    @property
    def lag(self) -> int:
        """How much the client has not received yet, in the source's own unit."""
        self.mark()
        return self._source.lag + max(0, self._source.sent - (self._received or 0))

    def mark(self) -> None:
        """Record what the client has received; mark the position if no mark is left."""
        acknowledged, unacknowledged = self._send_queue()
        if self._received is None or not unacknowledged:
            self._received, self._mark_bytes = self._source.sent, None
            return
        if self._mark_bytes is not None and acknowledged >= self._mark_bytes:
            self._received, self._mark_bytes = self._marked, None
        if self._mark_bytes is None:
            self._marked, self._mark_bytes = self._source.sent, acknowledged + unacknowledged


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
        streams = (stream for stream in self._open.values() if type(stream.source) is kind)
        return max((stream.delivery.lag for stream in streams), default=0)

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
        send_queue: Callable[[], SendQueue] = lambda: UNKNOWN,
    ) -> Iterator[None]:
        """Register a stream for the duration of the block, which a shutdown may cancel.

        Args:
            source: the source of its events.
            is_due: returns whether to wake the stream even if it has no events.
            caller_key: identifies the caller for its limit; None: not limited.
            send_queue: returns what the client has acknowledged, and what it has not.

        Raises:
            TooManyStreams: the maximum number of streams of this caller is open.
        """
        if caller_key is not None and self._count_of(caller_key) >= self._max_per_caller:
            raise TooManyStreams
        with anyio.CancelScope() as scope:
            self._open[scope] = OpenStream(source, is_due, caller_key, Delivery(source, send_queue))
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
                stream.delivery.mark()
                if stream.is_due():
                    stream.source.notifier.notify(stream.source)
        await anyio.sleep(CLOSE_SECONDS)
        for scope in self._open:
            scope.cancel()

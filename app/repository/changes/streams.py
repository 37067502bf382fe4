"""The streams that are open: how many there may be, for how long, and their end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import anyio

from app.repository.notifier import News


FAREWELL_SECONDS = 1.0
"""How long clients are given for the last event when the server stops."""
LOOK_SECONDS = 0.5
"""How often to look whether those who watch still may."""


class Source(Protocol):
    """Where a stream's events come from."""

    @property
    def news(self) -> News:
        """Tells when there may be more."""

    @property
    def lag(self) -> int:
        """How much has happened that was not taken yet, in the source's own unit."""

    async def begin(self) -> None:
        """Begin, before anything is sent; what it raises is answered instead of a stream."""

    async def take(self) -> bytes | None:
        """The text of what comes next; None, at once, where there is nothing yet."""

    def bookmark(self) -> bytes | None:
        """An event that only tells where the stream is; None where the client knows."""

    def close(self) -> None:
        """Let go of what is held."""


class Open(NamedTuple):
    """A stream that is open.

    Attributes:
        source: of its events.
        may_go_on: tells whether its client may still have them.
        counted_as: what its caller is counted as; None where that is not done.
    """

    source: Source
    may_go_on: Callable[[], bool]
    counted_as: Hashable | None


class TooManyStreams(Exception):
    """No further stream may begin."""


class Streams:
    """The open streams. Belongs to one event loop.

    Attributes:
        seconds: how long one may last.
    """

    def __init__(self, most: int, seconds: float, most_of_one: int | None = None) -> None:
        """Make room for streams.

        Args:
            most: how many there may be.
            seconds: how long each may last.
            most_of_one: how many one caller may have; None: all.
        """
        self.seconds = seconds
        self._most = most
        self._most_of_one = most if most_of_one is None else most_of_one
        self._stopping = anyio.Event()
        self._open: dict[anyio.CancelScope, Open] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def lag(self, kind: type[Source]) -> int:
        """How far the one is behind that is furthest behind, of those from one kind of source."""
        sources = (stream.source for stream in self._open.values())
        lags = (source.lag for source in sources if type(source) is kind)
        return max(lags, default=0)

    def require_room(self) -> None:
        """Do nothing where another stream may begin.

        Raises:
            TooManyStreams: it may not.
        """
        if self.count >= self._most:
            raise TooManyStreams

    @contextmanager
    def one(
        self,
        source: Source,
        may_go_on: Callable[[], bool],
        counted_as: Hashable | None = None,
    ) -> Iterator[None]:
        """Count a stream until the end of the block, which ends early when the server stops.

        Args:
            source: of its events; whoever waits for its news is woken when the stream is to end.
            may_go_on: tells whether the client may still have them.
            counted_as: what the caller is counted as; None: nothing.

        Raises:
            TooManyStreams: no further one of this caller may begin.
        """
        if counted_as is not None and self._of(counted_as) >= self._most_of_one:
            raise TooManyStreams
        with anyio.CancelScope() as scope:
            self._open[scope] = Open(source, may_go_on, counted_as)
            try:
                yield
            finally:
                del self._open[scope]

    def _of(self, caller: Hashable) -> int:
        return sum(stream.counted_as == caller for stream in self._open.values())

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
            with anyio.move_on_after(LOOK_SECONDS):
                await self._stopping.wait()
            for stream in self._open.values():
                if not stream.may_go_on():
                    stream.source.news.tell()
        await anyio.sleep(FAREWELL_SECONDS)
        for scope in self._open:
            scope.cancel()

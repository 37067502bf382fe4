"""How often failures occurred on this host, counted in the net events that the server keeps.

A count walks over the kept events once; `max_net_events` bounds it. More than `MAX_AT_ONCE` events
are counted in a thread, because the settings may allow very many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import anyio.to_thread

from app.repository.fairness import FairLimiter
from app.resources.net_events.buffer import BufferedEvent, NetEventBuffer
from app.resources.net_events.names import FailurePoint


MAX_AT_ONCE: Final = 200
"""The number of events that are counted on the event loop, in a millisecond at most."""


@dataclass(slots=True)
class Occurrences:
    """The occurrences of one error.

    Attributes:
        total: the number of events.
        me: the number of events in which this host failed.
        peer: the number of events in which the peer failed.
        peers: the packed addresses of the peers.
        newest: the time of the last event; None if there is none.
    """

    total: int = 0
    me: int = 0
    peer: int = 0
    peers: set[bytes] = field(default_factory=set)
    newest: datetime | None = None

    def add(self, event: BufferedEvent) -> None:
        """Count an event."""
        self.total += 1
        self.me += event.failure.failure_point is FailurePoint.ME
        self.peer += event.failure.failure_point is FailurePoint.PEER
        if event.remote_address is not None:
            self.peers.add(event.remote_address)
        self.newest = event.time if self.newest is None else max(self.newest, event.time)

    def as_json(self) -> dict[str, Any]:
        """Return a `FailureOccurrences` object."""
        return {
            "total": self.total,
            "me": self.me,
            "peer": self.peer,
            "peers": len(self.peers),
            "newest": self.newest,
        }


def count(events: Iterable[BufferedEvent], error: int | None = None) -> dict[int, Occurrences]:
    """Count events by error.

    Args:
        events: the events.
        error: count only this error (`canonical_code`); None: all errors.
    """
    counts: dict[int, Occurrences] = {}
    for event in events:
        code = event.failure.error
        if code is not None and error in {None, code}:
            counts.setdefault(code, Occurrences()).add(event)
    return counts


async def count_fairly(
    buffer: NetEventBuffer, threads: FairLimiter, error: int | None = None
) -> dict[int, Occurrences]:
    """Count the events of a buffer by error; if there are many, in a thread.

    Args:
        buffer: the events, which may change meanwhile.
        threads: admits the thread.
        error: see `count`.
    """
    if len(buffer) <= MAX_AT_ONCE:
        return count(buffer, error)
    async with threads.seat():
        return await anyio.to_thread.run_sync(count, [*buffer], error)

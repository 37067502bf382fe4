"""The last net events, encoded, up to a number and a size."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from itertools import islice, takewhile
from typing import Final, NamedTuple

from app.resources.net_events.encoding import encode_net_event, time_of, type_of
from app.resources.net_events.names import NetEventType
from bindings.net_event import NetEvent


Subnet = IPv4Network | IPv6Network


class EventId(NamedTuple):
    """`<epoch>-<number>`: an event of one run of the server."""

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"


class BufferedEvent(NamedTuple):
    """An event of the ring.

    Attributes:
        number: the later, the higher.
        time: when it happened, or was heard of, where the engine does not tell.
        type: its public name.
        remote_address: of the peer, packed; None where it is not told.
        text: its JSON.
    """

    number: int
    time: datetime
    type: NetEventType
    remote_address: bytes | None
    text: bytes


@dataclass(frozen=True, slots=True)
class NetEventSelection:
    """Which events are asked for.

    Attributes:
        since: after this event, or not before this time.
        before: before this event.
        types: of one of these types; any where there are none.
        peers: with a peer on one of these subnets; any where there are none.
    """

    since: EventId | datetime | None = None
    before: EventId | None = None
    types: frozenset[NetEventType] = frozenset()
    peers: tuple[Subnet, ...] = ()

    def matches(self, event: BufferedEvent) -> bool:
        """Whether type and peer are among those asked for."""
        if self.types and event.type not in self.types:
            return False
        return not self.peers or any(_holds(peer, event.remote_address) for peer in self.peers)


@dataclass(frozen=True, slots=True)
class NetEventSlice:
    """Some events, the newest first.

    Attributes:
        events: at most as many as were asked for.
        next_before: before which event there are more; None where there are none.
        missed: whether events after `since` may have been let go already, or `before` is of
            another run.
    """

    events: list[BufferedEvent]
    next_before: EventId | None
    missed: bool


class NetEventBuffer:
    """The newest events of one run of the server. Belongs to one event loop.

    Attributes:
        epoch: this run.
        bytes: of all texts.
    """

    def __init__(self, max_count: int, max_bytes: int, *, now: Callable[[], datetime]) -> None:
        self.epoch: Final = secrets.token_hex(6)
        self.bytes = 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._now = now
        self._events: deque[BufferedEvent] = deque()
        self._next = 1
        self._gone = 0  # the highest number that is held no more, or never was
        self._gone_time: datetime | None = None  # the latest of them all

    def __len__(self) -> int:
        return len(self._events)

    @property
    def newest(self) -> EventId:
        """The event that was added last, held or not; number 0 before the first."""
        return EventId(self.epoch, self._next - 1)

    def add(self, event: NetEvent) -> BufferedEvent:
        """Keep an event under the next number, and let go of what no longer fits."""
        number = self._next
        self._next += 1
        kept = BufferedEvent(
            number,
            time_of(event) or self._now(),
            type_of(event),
            event.remote_address,
            encode_net_event(event, str(EventId(self.epoch, number))),
        )
        self._events.append(kept)
        self.bytes += len(kept.text)
        while len(self._events) > self._max_count or self.bytes > self._max_bytes:
            oldest = self._events.popleft()
            self.bytes -= len(oldest.text)
            self._evict(oldest.number, oldest.time)
        return kept

    def skip(self, count: int) -> None:
        """Leave out the numbers of events that were not kept, and happened until now."""
        if count:
            self._next += count
            self._evict(self._next - 1, self._now())

    def select(self, selection: NetEventSelection, limit: int) -> NetEventSlice:
        """The newest events that are asked for, at most `limit` of them."""
        matching = self._matching(selection)
        events = list(islice(matching, limit))
        more = events and next(matching, None) is not None
        return NetEventSlice(
            events,
            EventId(self.epoch, events[-1].number) if more else None,
            self.has_gap_after(selection.since) or self._is_foreign(selection.before),
        )

    def after(self, event_id: EventId, limit: int) -> list[BufferedEvent]:
        """What came after an event of this run, the oldest first, at most `limit` of them."""
        count = sum(
            1 for _ in takewhile(lambda e: e.number > event_id.number, reversed(self._events))
        )
        start = len(self._events) - count
        return list(islice(self._events, start, start + limit))

    def lag(self, event_id: EventId) -> int:
        """How many came after an event; all that are kept, where it is of another run."""
        if not self._knows(event_id):
            return len(self)
        return max(0, self.newest.number - event_id.number)

    def has_gap_after(self, since: EventId | datetime | None) -> bool:
        """Whether events after `since` may have been let go, or it is no event of this run."""
        if isinstance(since, EventId):
            return not self._knows(since) or not self._gone <= since.number < self._next
        return since is not None and self._gone_time is not None and since <= self._gone_time

    def _evict(self, number: int, time: datetime) -> None:
        self._gone = max(self._gone, number)
        self._gone_time = max(self._gone_time or time, time)

    def _matching(self, selection: NetEventSelection) -> Iterator[BufferedEvent]:
        since, before = selection.since, selection.before
        if self._is_foreign(before):
            return
        after_number = since.number if isinstance(since, EventId) and self._knows(since) else 0
        for event in reversed(self._events):
            if event.number <= after_number:
                return
            if before is not None and event.number >= before.number:
                continue
            if isinstance(since, datetime) and event.time < since:
                continue  # and not the end: events are in the order in which they came
            if selection.matches(event):
                yield event

    def _is_foreign(self, event_id: EventId | None) -> bool:
        return event_id is not None and not self._knows(event_id)

    def _knows(self, event_id: EventId) -> bool:
        return event_id.epoch == self.epoch


def _holds(subnet: Subnet, packed: bytes | None) -> bool:
    """Whether an address is on a subnet of its version."""
    if packed is None or len(packed) * 8 != subnet.max_prefixlen:
        return False
    mask = int(subnet.netmask)
    return int.from_bytes(packed, "big") & mask == int(subnet.network_address)

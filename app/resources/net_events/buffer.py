"""A ring buffer of encoded net events, bounded by count and by bytes.

Each buffer has an epoch of its own. A new buffer is created when the server starts, and when it
learns that it has read IPv6 addresses in the wrong byte order. The events of an epoch are
numbered from 1. Events that were dropped before they could be buffered take numbers, too, so
lost events leave a gap in the numbers.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from itertools import islice, takewhile
from typing import Final, NamedTuple

from app.resources.net_events.encoding import (
    FailureFacts,
    encode_net_event,
    failure_facts,
    type_of,
)
from app.resources.net_events.names import NetEventType, SaRole
from app.resources.net_events.rules import UNNAMED, EventNames
from app.resources.wfp.filetimes import moment_of
from app.schemas.names import KeyModule
from bindings.net_event import NetEvent


Subnet = IPv4Network | IPv6Network


class EventId(NamedTuple):
    """The id of an event, `<epoch>-<number>`. The epoch identifies a buffer."""

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"


class BufferedEvent(NamedTuple):
    """An event in the buffer.

    Attributes:
        number: sequence number; later events have higher numbers.
        time: time of the event, or of its buffering if the engine reports none.
        type: public name of the event's type.
        remote_address: packed address of the peer, or None if the engine reports none.
        failure: the facts of the failure.
        json: the encoded event.
    """

    number: int
    time: datetime
    type: NetEventType
    remote_address: bytes | None
    failure: FailureFacts
    json: bytes


@dataclass(frozen=True, slots=True)
class NetEventSelection:
    """Filters of net events.

    Attributes:
        since: only events after this event, or at or after this time; None: no such filter.
        before: only events before this event; None: no such filter.
        types: only these types; all if empty.
        peers: only events with a peer on one of these subnets; all if empty.
        errors: only events with one of these errors (`canonical_code`); all if empty.
        roles: only events in which this host had one of these roles; all if empty.
        key_modules: only events of one of these keying modules; all if empty.
    """

    since: EventId | datetime | None = None
    before: EventId | None = None
    types: frozenset[NetEventType] = frozenset()
    peers: tuple[Subnet, ...] = ()
    errors: frozenset[int] = frozenset()
    roles: frozenset[SaRole] = frozenset()
    key_modules: frozenset[KeyModule] = frozenset()

    def matches(self, event: BufferedEvent) -> bool:
        """Return whether an event meets all filters except `since` and `before`."""
        failure = event.failure
        if (
            (self.types and event.type not in self.types)
            or (self.errors and failure.error not in self.errors)
            or (self.roles and failure.role not in self.roles)
            or (self.key_modules and failure.key_module not in self.key_modules)
        ):
            return False
        return not self.peers or any(_contains(peer, event.remote_address) for peer in self.peers)


@dataclass(frozen=True, slots=True)
class NetEventSlice:
    """A page of events, newest first.

    Attributes:
        events: the events, at most as many as requested.
        next_cursor: `cursor` of the next page, or None on the last page.
        missed: whether events after `since` may be lost, or `since` or `before` is not an id of
            this epoch.
    """

    events: list[BufferedEvent]
    next_cursor: EventId | None
    missed: bool


class NetEventBuffer:
    """The newest events of one epoch. Belongs to one event loop.

    Attributes:
        epoch: id of this buffer.
        bytes: total size of the encoded events.
    """

    def __init__(self, max_count: int, max_bytes: int, *, now: Callable[[], datetime]) -> None:
        self.epoch: Final = secrets.token_hex(6)
        self.bytes = 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._now = now
        self._events: deque[BufferedEvent] = deque()
        self._next = 1
        self._evicted = 0  # highest number of an event that was evicted or never buffered
        self._evicted_time: datetime | None = None  # latest time of such an event

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[BufferedEvent]:
        """Iterate over the events, oldest first."""
        return iter(self._events)

    @property
    def newest(self) -> EventId:
        """The id of the last event, even if it was not buffered; number 0 before the first."""
        return EventId(self.epoch, self._next - 1)

    def add(self, event: NetEvent, names: EventNames = UNNAMED) -> BufferedEvent:
        """Buffer an event under the next number; evict the oldest events to keep the bounds.

        Args:
            event: the event.
            names: the names behind it.
        """
        number = self._next
        self._next += 1
        buffered = BufferedEvent(
            number,
            moment_of(event.time) or self._now(),
            type_of(event),
            event.remote_address,
            failure_facts(event),
            encode_net_event(event, str(EventId(self.epoch, number)), names),
        )
        self._events.append(buffered)
        self.bytes += len(buffered.json)
        while len(self._events) > self._max_count or self.bytes > self._max_bytes:
            oldest = self._events.popleft()
            self.bytes -= len(oldest.json)
            self._record_eviction(oldest.number, oldest.time)
        return buffered

    def skip(self, count: int, until: datetime | None = None) -> None:
        """Skip the numbers of events that were never buffered.

        Args:
            count: the number of these events.
            until: the time of the last of them; None: now.
        """
        if count:
            self._next += count
            self._record_eviction(self._next - 1, until or self._now())

    def select(self, selection: NetEventSelection, limit: int) -> NetEventSlice:
        """Return the newest events of a selection, at most `limit`, newest first."""
        matching = self._matching(selection)
        events = list(islice(matching, limit))
        has_more = events and next(matching, None) is not None
        return NetEventSlice(
            events,
            EventId(self.epoch, events[-1].number) if has_more else None,
            self.has_gap_after(selection.since) or self._is_foreign(selection.before),
        )

    def after(self, event_id: EventId, limit: int) -> list[BufferedEvent]:
        """Return the first `limit` events after an event of this epoch, oldest first."""
        count = sum(
            1 for _ in takewhile(lambda e: e.number > event_id.number, reversed(self._events))
        )
        start = len(self._events) - count
        return list(islice(self._events, start, start + limit))

    def lag(self, event_id: EventId) -> int:
        """Return the number of events after an event.

        If the event belongs to another epoch, return the number of buffered events.
        """
        if not self._is_own(event_id):
            return len(self)
        return max(0, self.newest.number - event_id.number)

    def has_gap_after(self, since: EventId | datetime | None) -> bool:
        """Return whether events after `since` may be lost; True if the id is not of this epoch."""
        if isinstance(since, EventId):
            return not self._is_own(since) or not self._evicted <= since.number < self._next
        return since is not None and self._evicted_time is not None and since <= self._evicted_time

    def _record_eviction(self, number: int, time: datetime) -> None:
        self._evicted = max(self._evicted, number)
        self._evicted_time = max(self._evicted_time or time, time)

    def _matching(self, selection: NetEventSelection) -> Iterator[BufferedEvent]:
        since, before = selection.since, selection.before
        if self._is_foreign(before):
            return
        after_number = since.number if isinstance(since, EventId) and self._is_own(since) else 0
        for event in reversed(self._events):
            if event.number <= after_number:
                return
            if before is not None and event.number >= before.number:
                continue
            if isinstance(since, datetime) and event.time < since:
                continue  # older events may have later times: the order is that of arrival
            if selection.matches(event):
                yield event

    def _is_foreign(self, event_id: EventId | None) -> bool:
        return event_id is not None and not self._is_own(event_id)

    def _is_own(self, event_id: EventId) -> bool:
        return event_id.epoch == self.epoch


def _contains(subnet: Subnet, packed: bytes | None) -> bool:
    """Return whether a packed address is on a subnet; False if the IP versions differ."""
    if packed is None or len(packed) * 8 != subnet.max_prefixlen:
        return False
    mask = int(subnet.netmask)
    return int.from_bytes(packed, "big") & mask == int(subnet.network_address)

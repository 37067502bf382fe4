"""Recognizing events that the engine reports twice: in a notification, and among stored events.

How events are recognized: the engine gives an event no id. Two reports are of the same event if
all fields that both of them set are equal. A report may lack fields: those that its header's
flags mark as unset, its time, and those that its generation of the struct does not have. Each
report is paired with at most one other, so that the number of equal events stays right. Reports
that have the most fields in common are paired first. A report without a time belongs to the latest
equal event that happened before the report arrived.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from app.resources.wfp.filetimes import filetime_of
from bindings.net_event import NetEvent


CLOCK_TOLERANCE: Final = timedelta(seconds=1)
"""Allowed difference between the engine's time of an event and this process' clock: Windows has
clocks of different resolution."""

ANY_TIME: Final = range(1 << 64)

_Fields = tuple[Any, ...]


class Report(NamedTuple):
    """One report of an event.

    Attributes:
        event: the reported event.
        times: the range of FILETIMEs in which it happened.
    """

    event: NetEvent
    times: range

    @classmethod
    def of(cls, event: NetEvent, times: range = ANY_TIME) -> Report:
        """Return the report of an event; `times` counts only if the event has no time."""
        return cls(event, range(event.time, event.time + 1) if event.time else times)


class ReportedEvents:
    """The last events that were reported. Belongs to one event loop."""

    def __init__(self, max_count: int, now: Callable[[], datetime]) -> None:
        """Create an empty collection.

        Args:
            max_count: the maximum number of events to remember.
            now: returns the time, in UTC.
        """
        self._now = now
        self._events: deque[Report] = deque(maxlen=max_count)
        self._stored: list[Report] = []
        self._began = 0

    def add(self, event: NetEvent) -> None:
        """Remember an event that was reported just now."""
        self._events.append(Report.of(event, range(self._latest())))

    def begin_session(self, began_at: datetime, stored: Sequence[NetEvent]) -> list[NetEvent]:
        """Return the stored events that were not reported before.

        Args:
            began_at: a time before the session subscribed to events.
            stored: all events that the engine has stored.
        """
        self._began = filetime_of(began_at - CLOCK_TOLERANCE)
        reports = [Report.of(event) for event in stored]
        pairs = pair(self._events, reports)
        for position, known in pairs.items():
            self._events[known] = reports[position]  # the next session reads it in this form again
        new = [position for position in range(len(stored)) if position not in pairs]
        # Only these can still be on their way to the subscription.
        self._stored = [reports[position] for position in new]
        return [stored[position] for position in new]

    def end_start(self) -> None:
        """End the time in which the subscription may still report stored events."""
        self._stored.clear()

    def duplicates(self, received: Sequence[NetEvent]) -> set[int]:
        """Return the positions of received events that were already among the stored ones."""
        if not self._stored:
            return set()
        times = range(self._began, self._latest())
        pairs = pair(self._stored, [Report.of(event, times) for event in received])
        for known in sorted(pairs.values(), reverse=True):
            del self._stored[known]
        return set(pairs)

    def _latest(self) -> int:
        return filetime_of(self._now() + CLOCK_TOLERANCE)


def pair(known: Sequence[Report], reports: Sequence[Report]) -> dict[int, int]:
    """Map the position of each report of a known event to the position of that event.

    Args:
        known: reports, oldest first.
        reports: other reports, oldest first.
    """
    pairs: dict[int, int] = {}
    unpaired = set(range(len(known)))
    known_by_shape, by_shape = _by_shape(known), _by_shape(reports)
    shapes = [(one, other) for one in known_by_shape for other in by_shape]
    for one, other in sorted(shapes, key=_unlikeness):
        candidates: defaultdict[Hashable, list[int]] = defaultdict(list)
        for position, fields in known_by_shape[one]:
            if position in unpaired:
                candidates[_common(fields, one & other)].append(position)
        for position, fields in sorted(
            by_shape[other], key=lambda each: reports[each[0]].event.time, reverse=True
        ):
            if position in pairs:
                continue
            equal = candidates.get(_common(fields, one & other), [])
            found = _latest_possible(equal, known, reports[position].times)
            if found is not None:
                equal.remove(found)
                unpaired.discard(found)
                pairs[position] = found
    return pairs


def _latest_possible(positions: list[int], known: Sequence[Report], times: range) -> int | None:
    """Return the last of these positions whose report may be of an event within `times`."""
    for position in reversed(positions):
        other = known[position].times
        if other.start < times.stop and times.start < other.stop:
            return position
    return None


def _unlikeness(shapes: tuple[int, int]) -> tuple[int, int]:
    """Return the sort key of two shapes: those with the most fields in common come first."""
    one, other = shapes
    return -(one & other).bit_count(), (one ^ other).bit_count()


def _by_shape(reports: Iterable[Report]) -> dict[int, list[tuple[int, _Fields]]]:
    """Return positions and fields of reports, by a bit mask of the fields that are set."""
    groups: defaultdict[int, list[tuple[int, _Fields]]] = defaultdict(list)
    for position, report in enumerate(reports):
        fields = _fields(report.event)
        shape = sum(1 << index for index, field in enumerate(fields) if field is not None)
        groups[shape].append((position, fields))
    return groups


def _fields(event: NetEvent) -> _Fields:
    """Return the fields of an event in one tuple, with None for those that are not set.

    An id of 0 counts as not set.
    """
    failure = event.failure
    return (
        event.type,
        event.time or None,
        *event[2:-1],
        *(
            None if value == 0 and name.endswith(("_id", "_luid")) else value
            for name, value in (failure._asdict().items() if failure else ())
        ),
    )


def _common(fields: _Fields, shape: int) -> Hashable:
    return tuple(field for index, field in enumerate(fields) if shape >> index & 1)

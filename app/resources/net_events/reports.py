"""Recognizes events that the engine reports twice: in a notification and as a stored event.

How events are recognized: events have no ids. Two reports can describe one event if every field
that is set in both reports has equal values. A field may be unset because the header's flags say
so, because the event has no time, or because the report's generation of the struct lacks it.

Each report is paired with at most one other report, so that the number of equal events is
preserved. The reports with the most set fields in common are paired first. A report without a
time is paired with the latest equal event that happened before the report arrived.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from itertools import compress
from typing import Any, Final, NamedTuple

from app.resources.wfp.filetimes import filetime_of
from bindings.net_event import NetEvent


CLOCK_TOLERANCE: Final = timedelta(seconds=1)
"""Tolerated difference between the engine's time of an event and the time of this process.

The times may differ because Windows has clocks of different resolution.
"""

ANY_TIME: Final = range(1 << 64)


class Report(NamedTuple):
    """One report of an event.

    Attributes:
        event: the reported event.
        times: the FILETIMEs at which the event can have happened.
        fields: the values of the event's fields, with None for unset fields.
        shape: a bit mask of the fields that are set.
    """

    event: NetEvent
    times: range
    fields: tuple[Any, ...]
    shape: int

    @classmethod
    def of(cls, event: NetEvent, times: range = ANY_TIME) -> Report:
        """Return the report of an event. `times` is used only if the event has no time."""
        fields = _fields(event)
        return cls(
            event,
            range(event.time, event.time + 1) if event.time else times,
            fields,
            sum(1 << index for index, field in enumerate(fields) if field is not None),
        )


def _end(report: Report) -> int:
    return report.times.stop


class ReportedEvents:
    """The latest of the events reported so far. Belongs to one event loop."""

    def __init__(self, max_count: int, now: Callable[[], datetime]) -> None:
        """Create an empty collection.

        Args:
            max_count: the maximum number of events to remember.
            now: returns the current time, in UTC.
        """
        self._now = now
        self._max_count = max_count
        self._events: list[Report] = []  # oldest first, like `_stored`
        self._stored: list[Report] = []
        self._began = 0

    def add(self, event: NetEvent) -> None:
        """Remember an event that was reported just now."""
        insort(self._events, Report.of(event, range(self._latest())), key=_end)
        del self._events[: -self._max_count]

    def begin_session(self, began_at: datetime, stored: Sequence[NetEvent]) -> list[NetEvent]:
        """Return the stored events that were not reported before.

        If the maximum number of events is remembered, stored events that are older than all of
        these are not returned, because they may have been reported and forgotten.

        Args:
            began_at: a time before the session subscribed to events.
            stored: the events that the engine has stored, oldest first.
        """
        self._began = filetime_of(began_at - CLOCK_TOLERANCE)
        reports = [Report.of(event) for event in stored]
        pairs = pair(self._events, reports)
        for position, known in pairs.items():  # the next session reads this form again
            times = (reports[position] if stored[position].time else self._events[known]).times
            self._events[known] = reports[position]._replace(times=times)
        self._events.sort(key=_end)
        is_full = len(self._events) == self._max_count
        forgotten = _end(self._events[0]) if is_full else 0
        new = [
            report
            for position, report in enumerate(reports)
            if position not in pairs and _end(report) > forgotten
        ]
        # Of the stored events, the subscription can still report only these.
        self._stored = [report for report in new if _end(report) > self._began]
        return [report.event for report in new]

    def end_start(self) -> None:
        """End the time in which the subscription may report events that are stored already."""
        self._stored.clear()

    def duplicates(self, received: Sequence[NetEvent]) -> set[int]:
        """Return the positions of those received events that were among the stored events."""
        if not received or not self._stored:
            return set()
        times = range(self._began, self._latest())
        pairs = pair(self._stored, [Report.of(event, times) for event in received])
        paired = set(pairs.values())
        self._stored = [each for known, each in enumerate(self._stored) if known not in paired]
        return set(pairs)

    def _latest(self) -> int:
        return filetime_of(self._now() + CLOCK_TOLERANCE)


def pair(known: Sequence[Report], reports: Sequence[Report]) -> dict[int, int]:
    """Pair reports of the same event: map positions in `reports` to positions in `known`.

    Args:
        known: reports of different events, oldest first.
        reports: other reports of different events, in any order.
    """
    pairs: dict[int, int] = {}
    unpaired = set(range(len(known)))
    known_by_shape, by_shape = _by_shape(known), _by_shape(reports)
    shapes = [(one, other) for one in known_by_shape for other in by_shape]
    for one, other in sorted(shapes, key=_unlikeness):
        common = [(one & other) >> index & 1 for index in range(one.bit_length())]
        candidates: defaultdict[Hashable, list[int]] = defaultdict(list)
        for position in known_by_shape[one]:
            if position in unpaired:
                candidates[tuple(compress(known[position].fields, common))].append(position)
        unmatched = [position for position in by_shape[other] if position not in pairs]
        for position in sorted(unmatched, key=lambda each: _end(reports[each]), reverse=True):
            report = reports[position]
            equal = candidates.get(tuple(compress(report.fields, common)), [])
            while equal and known[equal[-1]].times.start >= _end(report):
                equal.pop()  # also too late for the remaining reports, which are older
            if equal and _end(known[equal[-1]]) > report.times.start:
                pairs[position] = equal.pop()
                unpaired.discard(pairs[position])
    return pairs


def _unlikeness(shapes: tuple[int, int]) -> tuple[int, int]:
    """Return the sort key of two shapes. Shapes with the most fields in common come first."""
    one, other = shapes
    return -(one & other).bit_count(), (one ^ other).bit_count()


def _by_shape(reports: Sequence[Report]) -> dict[int, list[int]]:
    """Group the positions of reports by their shapes."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for position, report in enumerate(reports):
        groups[report.shape].append(position)
    return groups


def _fields(event: NetEvent) -> tuple[Any, ...]:
    """Return the values of an event's fields, with None for unset fields.

    An id of 0 counts as unset.
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

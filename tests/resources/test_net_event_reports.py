"""Each event is listed once, whatever either of its reports omits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.resources.net_events.reports import ReportedEvents
from app.resources.wfp.filetimes import filetime_of, moment_of
from bindings.net_event import KernelDrop, MainModeFailure, NetEvent


HEADER = tuple(name for name in NetEvent._fields if name not in {"type", "time", "failure"})
START = datetime(2026, 11, 29, 12, tzinfo=UTC)
PAUSE = 2.0
"""Seconds between two events: more than the clocks may differ."""


def main_mode(number: int) -> NetEvent:
    failure = MainModeFailure(
        13801, 1, 0, 2, 1, 0, 3, bytes(20), 70 + number, 80, "me", "peer", "key"
    )
    local, remote = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2 + number % 2])
    return NetEvent(0, 0, 0, 17, local, remote, 500, 500, 0, failure)


def drop(number: int) -> NetEvent:
    remote = bytes([10, 0, 0, 2 + number % 2])
    return NetEvent(4, 0, 0, 50, bytes(4), remote, None, None, None, KernelDrop(1, 1, number, 5, 6))


EVENTS = [main_mode(0), main_mode(1), drop(0), drop(1), NetEvent(77, 0, *[None] * 8)]


class Path(NamedTuple):
    """What one way of reporting omits.

    Attributes:
        is_untimed: whether it omits the time.
        omitted: fields of the header that it omits.
        has_old_structs: whether it lacks the fields that newer generations added.
    """

    is_untimed: bool
    omitted: frozenset[str]
    has_old_structs: bool

    def report(self, event: NetEvent) -> NetEvent:
        failure = event.failure
        if self.has_old_structs and isinstance(failure, MainModeFailure):
            failure = failure._replace(
                local_principal_name=None, remote_principal_name=None, provider_context_key=None
            )
        unset: dict[str, Any] = dict.fromkeys(self.omitted)
        time = 0 if self.is_untimed else event.time
        return event._replace(time=time, failure=failure, **unset)


def paths(untimed: st.SearchStrategy[bool]) -> st.SearchStrategy[Path]:
    return st.builds(Path, untimed, st.frozensets(st.sampled_from(HEADER)), st.booleans())


class Happens(NamedTuple):
    """An event, and whether the subscription reports it."""

    event: NetEvent
    is_delivered: bool


class Session(NamedTuple):
    """The session dies and is reopened.

    Attributes:
        meanwhile: events after it subscribed and before it read what is stored.
        is_late: whether the subscription reports these only after that.
        has_restarted: whether the engine restarted, and so lost what it had stored.
    """

    meanwhile: list[NetEvent]
    is_late: bool
    has_restarted: bool


@dataclass
class Engine:
    """An engine that reports events over two paths, and the server's memory of them.

    Attributes:
        shown: what the server lists.
        known: how many events either path reported.
    """

    live: Path
    stored: Path
    capacity: int
    max_count: int = 1000
    now: datetime = START
    shown: list[NetEvent] = field(default_factory=list)
    known: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.reported = ReportedEvents(self.max_count, lambda: self.now)
        self.log: list[tuple[int, NetEvent]] = []
        self.count = 0

    def happen(self, event: NetEvent) -> tuple[int, NetEvent]:
        self.now += timedelta(seconds=PAUSE)
        self.count += 1
        happened = self.count, event._replace(time=filetime_of(self.now))
        self.log = [*self.log, happened][-self.capacity :]
        return happened

    def deliver(self, number: int, event: NetEvent) -> None:
        received = self.live.report(event)
        self.known.add(number)
        if not self.reported.duplicates([received]):
            self.show(received)

    def show(self, event: NetEvent) -> None:
        self.shown.append(event)
        self.reported.add(event)

    def run(self, step: Happens | Session) -> None:
        if isinstance(step, Happens):
            number, event = self.happen(step.event)
            if step.is_delivered:
                self.deliver(number, event)
            return
        if step.has_restarted:
            self.log = []
        began_at = self.now = self.now + timedelta(seconds=PAUSE)
        happened = [self.happen(event) for event in step.meanwhile]
        if not step.is_late:
            for each in happened:
                self.deliver(*each)
        self.known |= {number for number, _ in self.log}
        stored = [self.stored.report(event) for _, event in self.log]
        for event in self.reported.begin_session(began_at, stored):
            self.show(event)
        if step.is_late:
            for each in happened:
                self.deliver(*each)
        self.reported.end_start()


events = st.sampled_from(EVENTS)
steps = st.lists(
    st.builds(Happens, events, st.booleans())
    | st.builds(Session, st.lists(events, max_size=3), st.booleans(), st.booleans()),
    max_size=12,
)
NOTHING = Path(False, frozenset(), False)
UNTIMED = NOTHING._replace(is_untimed=True)
OPENED = Session([], False, False)


@given(steps, paths(st.booleans()), paths(st.just(False)), st.integers(4, 30))
@example([OPENED, Happens(drop(0), True), OPENED], UNTIMED, NOTHING, 30)
@example([OPENED, Happens(drop(0), True), Happens(drop(0), True), OPENED], UNTIMED, NOTHING, 30)
@example([OPENED, Happens(drop(0), True), Happens(drop(0), False), OPENED], UNTIMED, NOTHING, 30)
@example([Happens(drop(0), False), OPENED, Happens(drop(0), True), OPENED], UNTIMED, NOTHING, 30)
@example([OPENED, OPENED, OPENED], NOTHING, NOTHING, 30)
def test_each_event_is_shown_once(
    steps: list[Happens | Session], live: Path, stored: Path, capacity: int
) -> None:
    engine = Engine(live, stored, capacity)

    for step in [OPENED, *steps, OPENED]:
        engine.run(step)

    assert len(engine.shown) == len(engine.known)


@given(steps, paths(st.just(False)), paths(st.just(False)), st.integers(1, 30), st.integers(1, 5))
@example([Happens(drop(0), True)] * 3, NOTHING, NOTHING, 30, 1)
def test_an_event_that_was_forgotten_is_not_shown_again(
    steps: list[Happens | Session], live: Path, stored: Path, capacity: int, max_count: int
) -> None:
    engine = Engine(live, stored, capacity, max_count)

    for step in [OPENED, *steps, OPENED]:
        engine.run(step)

    times = [event.time for event in engine.shown]
    assert len(times) == len(set(times))


def test_without_times_no_stored_event_is_shown_again_when_memory_is_full() -> None:
    engine = Engine(UNTIMED, UNTIMED, capacity=5, max_count=5)

    happens = Happens(drop(0), True)
    steps: list[Happens | Session] = [OPENED, *[happens] * 5, OPENED, happens, OPENED]
    for step in steps:
        engine.run(step)

    assert len(engine.shown) == 6


@given(steps, paths(st.booleans()), paths(st.just(True)))
def test_without_stored_times_each_event_is_shown_once_while_all_are_stored(
    steps: list[Happens | Session], live: Path, stored: Path
) -> None:
    """Of events that are indistinguishable, as many are shown as happened."""
    engine = Engine(live, stored, 1000)

    for step in [OPENED, *steps, OPENED]:
        engine.run(
            step._replace(has_restarted=False, is_late=False) if isinstance(step, Session) else step
        )

    assert len(engine.shown) == len(engine.known)


def test_a_repeated_failure_that_is_announced_without_a_time_is_not_taken_for_a_stored_one() -> (
    None
):
    """A peer that fails again and again must not disappear after a reconnection."""
    engine = Engine(UNTIMED, NOTHING, 30)
    engine.run(OPENED)
    for _ in range(5):
        engine.run(Happens(drop(0), False))
    stored = [event for _, event in engine.log]

    new = engine.reported.begin_session(engine.now + timedelta(seconds=PAUSE), stored)
    engine.now += timedelta(seconds=2 * PAUSE)

    assert new == stored
    assert engine.reported.duplicates([drop(0)]) == set()


@contextmanager
def cpu_time_below(seconds: float) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


FLOOD = 6000
"""Number of equal events, as an ESP flood with one SPI causes: enough for a quadratic comparison to
take seconds."""


def flood(start: datetime) -> list[NetEvent]:
    first = filetime_of(start)
    return [drop(0)._replace(time=first + number) for number in range(FLOOD)]


@pytest.mark.parametrize("seconds", [-PAUSE, 2 * PAUSE])
def test_a_flood_of_equal_events_is_compared_quickly(seconds: float) -> None:
    """The stored events are older than what was announced, or newer, so that none match."""
    reported = ReportedEvents(FLOOD, lambda: START)
    for _ in range(FLOOD):
        reported.add(drop(0))

    with cpu_time_below(1):
        new = reported.begin_session(START, flood(START + timedelta(seconds=seconds)))

    assert len(new) == (FLOOD if seconds > 0 else 0)


def test_received_events_are_compared_quickly_with_a_stored_flood() -> None:
    reported = ReportedEvents(FLOOD, lambda: START)
    reported.begin_session(START, flood(START + timedelta(seconds=PAUSE)))  # "later" than now

    with cpu_time_below(1):
        assert reported.duplicates([drop(0)] * 1000) == set()
        for _ in range(100):
            assert reported.duplicates([]) == set()


@pytest.mark.parametrize("moment", [START, datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=UTC)])
def test_a_filetime_is_read_back(moment: datetime) -> None:
    assert moment_of(filetime_of(moment)) == moment

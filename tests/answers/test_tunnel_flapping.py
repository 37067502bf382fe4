"""How the state of a tunnel is shown: at once, but a tunnel that flaps makes few changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice, pairwise

import orjson
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.answers.peers.traffic import NOT_COUNTED, Totals
from app.answers.tunnels.configured import ConfiguredTunnel
from app.answers.tunnels.counts import Counted
from app.answers.tunnels.item import Observation, numbers_of
from app.answers.tunnels.states import Shown, StateHistory
from app.answers.tunnels.store import SLICE, Sources, TunnelStore
from app.repository.changes.journal import Position
from app.repository.limits import StoreLimits
from app.schemas.names import KeyModule, TunnelState


START = datetime(2026, 11, 29, tzinfo=UTC)
MINUTE = 60
MOST = 4
"""The changes a minute that docs/api.md promises."""
WORSE = {"up": 0, "template": 1, "idle": 2, "down": 3, "failing": 4}

states = st.sampled_from(TunnelState)


class Observed(RuleBasedStateMachine):
    """Any states at any times; what is shown is judged by the whole history."""

    @initialize(state=states)
    def begin(self, state: TunnelState) -> None:
        self.now = 0.0
        self.observed = [(0.0, state)]
        self.history = StateHistory(state, None, 0.0)
        self.shown: list[tuple[float, Shown]] = [(0.0, self.history.shown)]

    @rule(state=states, seconds=st.floats(0, 90) | st.sampled_from([0.0, 1.0, 15.0, 60.0]))
    def observe(self, state: TunnelState, seconds: float) -> None:
        self.now += seconds
        before = self.shown[-1][1]
        quiet = all(self.now - at >= MINUTE for at, _ in self.shown[1:])
        shown = self.history.observe(state, START + timedelta(seconds=self.now), self.now)
        self.observed.append((self.now, state))
        if shown != before:
            self.shown.append((self.now, shown))
            if shown.is_flapping:  # the worst state of the last minute is shown
                recent = [WORSE[each] for at, each in self.observed if self.now - at < MINUTE]
                assert WORSE[shown.state] == max(recent)
        if quiet and not before.is_flapping:
            assert shown.state is state  # a change after a quiet minute is shown at once

    @precondition(lambda self: len(self.observed) > 1)
    @rule(seconds=st.floats(0, 90))
    def observe_the_same(self, seconds: float) -> None:
        self.observe(self.observed[-1][1], seconds)

    @invariant()
    def few_changes_are_shown_in_a_minute(self) -> None:
        times = [at for at, _ in self.shown[1:]]
        for at in times:
            assert len([each for each in times if at <= each < at + MINUTE]) <= MOST

    @invariant()
    def a_tunnel_that_does_not_flap_shows_its_state(self) -> None:
        if not self.history.shown.is_flapping:
            assert self.history.shown.state is self.observed[-1][1]

    @invariant()
    def a_state_that_lasts_for_a_minute_is_shown(self) -> None:
        last = self.observed[-1][1]
        at = self.now
        for time, state in reversed(self.observed):
            if state is not last:
                break
            at = time
        if self.now - at >= MINUTE:
            assert (self.history.shown.state, self.history.shown.is_flapping) == (last, False)

    @invariant()
    def flapping_shows_no_state_that_ended_two_minutes_ago(self) -> None:
        if self.history.shown.is_flapping:
            recent = {state for time, state in self.observed if self.now - time < 2 * MINUTE}
            assert self.history.shown.state in recent

    @invariant()
    def since_is_when_the_shown_state_was_first_observed(self) -> None:
        since = self.history.shown.since
        if since is not None:
            at = [
                time
                for (_, before), (time, state) in zip(
                    self.observed, self.observed[1:], strict=False
                )
                if state is not before and state is self.history.shown.state
            ]
            assert since in {START + timedelta(seconds=time) for time in at}
        else:
            assert self.history.shown.state is self.observed[0][1]


TestObserved = Observed.TestCase


def test_a_failure_long_ago_does_not_show_a_flapping_tunnel_as_failing() -> None:
    history = StateHistory(TunnelState.UP, None, 0.0)
    states_every_5_seconds = (
        [TunnelState.UP] * 2
        + ([TunnelState.FAILING] * 2 + [TunnelState.UP] * 2) * 2
        + ([TunnelState.UP] * 9 + [TunnelState.IDLE] * 9) * 10  # 45 seconds each
    )
    shown = [
        history.observe(state, START + timedelta(seconds=5 * count), 5.0 * count)
        for count, state in enumerate(states_every_5_seconds)
    ]

    assert (shown[8].state, shown[8].is_flapping) == (TunnelState.FAILING, True)
    assert {(each.state, each.is_flapping) for each in shown[24:]} == {(TunnelState.IDLE, True)}


TUNNEL = ConfiguredTunnel(
    7, KeyModule.IKEV2, b"\x0a\0\0\1", (b"\x0a\0\0\2",), None, False, b"", b'"name":"Branch"'
)


def publications(each_seconds: float, ups: list[bool], *, is_expected: bool) -> list[float]:
    """The seconds of the events of one tunnel, observed at regular intervals."""

    async def publish() -> list[float]:
        store = TunnelStore(lambda _: asyncio.sleep(0), StoreLimits(), sees_failures=True)
        for count, is_up in enumerate(ups):
            seconds = count * each_seconds
            counted = Counted(int(is_up), int(is_up))
            observation = Observation(TUNNEL, counted, None, False, is_expected)
            at = START + timedelta(seconds=seconds)
            await store.publish(Sources([observation], NOT_COUNTED, at, seconds, {}, at, seconds))
            revisions[seconds] = store.revision
        changes = store.journal.changes_after(store.epoch, Position(1))
        assert changes is not None
        assert len(changes) == store.revision - 1
        assert all(len(revision.changes) == 1 for revision in changes)
        return [
            after for before, after in pairwise(revisions) if revisions[after] != revisions[before]
        ]

    revisions: dict[float, int] = {}
    return asyncio.run(publish())


def test_a_tunnel_that_flaps_with_every_refresh_makes_four_events_a_minute_at_most() -> None:
    for seconds in (0.25, 1.0, 15.0):
        count = int(600 / seconds)
        events = publications(seconds, [*islice(cycle([True, False]), count)], is_expected=True)

        assert 1 <= len(events) <= MOST * 10
        for at in events:
            assert len([each for each in events if at <= each < at + MINUTE]) <= MOST


def test_a_change_is_an_event_with_the_publication_that_finds_it() -> None:
    assert publications(15, [True] * 4 + [False] * 40 + [True], is_expected=True) == [60, 660]
    assert publications(15, [True] * 4 + [False] * 40 + [True], is_expected=False) == [60, 660]


def test_many_tunnels_are_published_with_pauses() -> None:
    nothing = Counted(0, 0)
    observations = [
        Observation(TUNNEL._replace(number=number), nothing, None, False, False)
        for number in range(10 * SLICE)
    ]

    async def publish() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        store = TunnelStore(lambda _: asyncio.sleep(0), StoreLimits(), sees_failures=True)
        await store.publish(Sources(observations, NOT_COUNTED, START, 0, {}, START, 0))
        counting.cancel()
        assert store.states == {TunnelState.IDLE: 10 * SLICE}
        return turns

    assert asyncio.run(publish()) >= 19  # while texts are made, and while they are joined


def test_a_publication_makes_only_the_texts_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def spy(observation: Observation, totals: Totals, *, sees_failures: bool) -> bytes:
        made.append(observation.tunnel.number)
        return numbers_of(observation, totals, sees_failures=sees_failures)

    monkeypatch.setattr("app.answers.tunnels.store.numbers_of", spy)
    store = TunnelStore(lambda _: asyncio.sleep(0), StoreLimits(), sees_failures=True)
    totals = Totals(is_counted=True, peers={})

    def texts_made(up: set[int], totals: Totals = NOT_COUNTED) -> list[int]:
        made.clear()
        observations = [
            Observation(
                TUNNEL._replace(number=number),
                Counted(int(number in up), int(number in up)),
                None,
                is_failing=False,
                is_expected=False,
            )
            for number in range(300)
        ]
        asyncio.run(store.publish(Sources(observations, totals, START, 0, {}, START, 0)))
        assert store.current is not None
        shown = [orjson.loads(store.current.blocks[number]) for number in range(300)]
        assert [each["saContexts"] for each in shown] == [int(n in up) for n in range(300)]
        assert {each["bytesInbound"] for each in shown} == {"0" if totals.is_counted else None}
        return made.copy()

    assert texts_made(set()) == [*range(300)]
    assert texts_made(set()) == []
    assert texts_made({7, 150}) == [7, 150]
    assert texts_made({150}) == [7]
    assert texts_made({150}, totals) == [*range(300)]
    assert texts_made({150}, totals) == []

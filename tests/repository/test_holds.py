"""Held versions: how long, how many, and at what cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.repository.holds import BYTES_PER_CONTEXT, Holds, TooManySnapshots
from app.repository.versions import Entry, Version, first_version, next_version


AT = datetime(2026, 11, 23, tzinfo=UTC)
IDLE, MAXIMUM, COUNT = 60.0, 600.0, 4


class HeldVersions(RuleBasedStateMachine):
    """Holds against a model that says for each version until when it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.holds = Holds(
            idle_seconds=IDLE,
            max_seconds=MAXIMUM,
            max_count=COUNT,
            max_bytes=10_000,
            clock=lambda: self.now,
        )
        self.version = first_version("e", {}, AT, 0.0)
        self.model: dict[int, tuple[float, float]] = {}

    def _held(self) -> dict[int, tuple[float, float]]:
        return {
            revision: (since, used)
            for revision, (since, used) in self.model.items()
            if self.now < used + IDLE and self.now < since + MAXIMUM
        }

    @rule(seconds=st.sampled_from([0.5, 10.0, 59.0, 61.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def publish(self) -> None:
        state = {1: Entry((), str(self.version.revision).encode())}
        self.version, _ = next_version(self.version, state, AT, self.now)

    @rule()
    def take(self) -> None:
        self.model = self._held()
        known = self.version.revision in self.model
        if not known and len(self.model) >= COUNT:
            with pytest.raises(TooManySnapshots) as caught:
                self.holds.take(self.version)
            ends = [min(used + IDLE, since + MAXIMUM) for since, used in self.model.values()]
            assert caught.value.retry_after_seconds == pytest.approx(min(ends) - self.now)
            return
        since = self.model[self.version.revision][0] if known else self.now
        hold = self.holds.take(self.version)
        self.model[self.version.revision] = (since, self.now)
        assert hold.version is self.version
        assert self.holds.remaining_seconds(hold) == pytest.approx(since + MAXIMUM - self.now)

    @rule(back=st.integers(0, 6))
    def find(self, back: int) -> None:
        revision = self.version.revision - back
        self.model = self._held()
        hold = self.holds.find("e", revision)
        assert (hold is not None) == (revision in self.model)
        if hold is not None:
            self.model[revision] = (self.model[revision][0], self.now)

    @invariant()
    def as_many_as_the_model(self) -> None:
        assert len(self.holds) == len(self._held()) <= COUNT


TestHeldVersions = HeldVersions.TestCase


def _holds(max_bytes: int) -> Holds:
    return Holds(
        idle_seconds=60, max_seconds=600, max_count=100, max_bytes=max_bytes, clock=lambda: 0.0
    )


def _state(*bodies: bytes) -> dict[int, Entry]:
    return {number: Entry((), body) for number, body in enumerate(bodies)}


def test_that_versions_without_a_difference_count_as_one() -> None:
    holds = Holds(idle_seconds=60, max_seconds=600, max_count=1, max_bytes=150, clock=lambda: 0.0)
    version = first_version("e", _state(b"a" * 100), AT, 0.0)
    for revision in range(1, 50):
        assert holds.take(version).version.revision == revision
        version, _ = next_version(version, _state(b"a" * 100), AT, float(revision))

    assert len(holds) == 49
    assert holds.bytes(version) == 100


def test_that_versions_are_counted_in_their_order_however_they_were_taken() -> None:
    holds = _holds(10_000)
    old = first_version("e", _state(b"a" * 100), AT, 0.0)
    new, _ = next_version(old, _state(b"b" * 100), AT, 1.0)
    holds.take(new)
    holds.take(old)

    assert holds.bytes(new) == 200 + BYTES_PER_CONTEXT


def test_that_shared_contexts_are_counted_once() -> None:
    holds = _holds(10_000)
    version: Version = first_version("e", _state(b"a" * 100, b"b" * 100), AT, 0.0)
    holds.take(version)
    version, _ = next_version(version, _state(b"a" * 100, b"c" * 50), AT, 1.0)

    assert holds.bytes(version) == 150 + 100 + 2 * BYTES_PER_CONTEXT
    holds.take(version)
    assert holds.bytes(version) == 250 + 2 * BYTES_PER_CONTEXT


def test_that_another_epoch_shares_nothing() -> None:
    holds = _holds(10_000)
    holds.take(first_version("e", _state(b"a" * 100), AT, 0.0))

    assert holds.bytes(first_version("f", _state(b"a" * 100), AT, 1.0)) == 200 + BYTES_PER_CONTEXT
    assert holds.bytes(None) == 100
    assert _holds(1).bytes(None) == 0


def test_that_over_the_cap_of_bytes_the_newest_walk_is_refused() -> None:
    holds = _holds(150)
    old = first_version("e", _state(b"a" * 100), AT, 0.0)
    holds.take(old)
    new, _ = next_version(old, _state(b"b" * 100), AT, 0.0)

    with pytest.raises(TooManySnapshots):
        holds.take(new)

    assert holds.find("e", 1) is not None


def test_that_a_snapshot_over_the_cap_by_itself_is_refused_for_the_idle_time() -> None:
    with pytest.raises(TooManySnapshots) as caught:
        _holds(10).take(first_version("e", _state(b"a" * 100), AT, 0.0))

    assert caught.value.retry_after_seconds == 60

"""Leased snapshots: duration, number and cost."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from operator import itemgetter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.repository.snapshot.blocks import BYTES_PER_OBJECT
from app.repository.snapshot.leases import SnapshotLeases, TooManySnapshots
from app.repository.snapshot.model import Item, Snapshot
from tests.repository.callers import calling
from tests.repository.states import edition_of, entry


IDLE, MAXIMUM, COUNT = 60.0, 600.0, 4


@dataclass(slots=True)
class Expected:
    """A lease of the model.

    Attributes:
        since: when it began.
        used: when it was last used.
        callers: who walks through it.
    """

    since: float
    used: float
    callers: set[str]


class HeldVersions(RuleBasedStateMachine):
    """Compare the leases of several callers with a model that has each snapshot's expiry."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.holds = SnapshotLeases(
            idle_timeout_seconds=IDLE,
            max_seconds=MAXIMUM,
            max_count=COUNT,
            max_bytes=10_000,
            clock=lambda: self.now,
        )
        self.edition = edition_of({})
        self.model: dict[int, Expected] = {}
        self.versions = {self.edition.snapshot.revision: self.edition.snapshot}

    def _held(self) -> dict[int, Expected]:
        return {
            revision: lease
            for revision, lease in self.model.items()
            if self.now < lease.used + IDLE and self.now < lease.since + MAXIMUM
        }

    @rule(seconds=st.sampled_from([0.5, 10.0, 59.0, 61.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def publish(self) -> None:
        state = {1: entry(str(self.version.revision).encode())}
        shared = {number: entry(b"the same") for number in range(2, 10)}
        self.edition = edition_of(state | shared, previous=self.edition, began=self.now)
        self.versions[self.version.revision] = self.version

    @property
    def version(self) -> Snapshot:
        return self.edition.snapshot

    @rule(caller=st.sampled_from("abc"))
    def take(self, caller: str) -> None:
        self.now += 0.001  # no two uses at one time
        model = deepcopy(self._held())
        lease = model.get(self.version.revision)
        while lease is None and len(model) >= COUNT:
            counts = Counter(each for lease in model.values() for each in lease.callers)
            heaviest, most = max(counts.items(), key=itemgetter(1))
            loser = heaviest if most > counts[caller] + 1 else caller
            if loser != caller and [*counts.values()].count(most) > 1:
                return  # either of them may lose
            if not counts[loser]:
                with pytest.raises(TooManySnapshots) as caught, calling(caller):
                    self.holds.acquire(self.version)
                ends = [min(each.used + IDLE, each.since + MAXIMUM) for each in model.values()]
                assert caught.value.retry_after_seconds == pytest.approx(min(ends) - self.now)
                return
            oldest = min(
                (revision for revision, each in model.items() if loser in each.callers),
                key=lambda revision: model[revision].used,
            )
            model[oldest].callers.remove(loser)
            if not model[oldest].callers:
                del model[oldest]
        if lease is None:
            lease = model[self.version.revision] = Expected(self.now, self.now, set())
        lease.used = self.now
        lease.callers.add(caller)
        with calling(caller):
            hold = self.holds.acquire(self.version)
        self.model = model
        assert hold.snapshot is self.version
        assert self.holds.remaining_seconds(hold) == pytest.approx(lease.since + MAXIMUM - self.now)

    @rule(back=st.integers(0, 6))
    def find(self, back: int) -> None:
        revision = self.version.revision - back
        self.model = self._held()
        hold = self.holds.find("e", revision)
        assert (hold is not None) == (revision in self.model)
        if hold is not None:
            self.model[revision].used = self.now

    @invariant()
    def as_many_bytes_as_there_are(self) -> None:
        texts = {
            id(self.versions[revision].blocks): self.versions[revision].blocks
            for revision in self._held()
        }
        parts = {part: size for each in texts.values() for part, size in each.parts.items()}
        contexts = sum(map(len, texts.values()))
        self.holds.expire()
        assert self.holds.bytes(None) == sum(parts.values()) + contexts * BYTES_PER_OBJECT

    @invariant()
    def as_many_as_the_model(self) -> None:
        assert len(self.holds) == len(self._held()) <= COUNT


TestHeldVersions = HeldVersions.TestCase


def _holds(max_bytes: int) -> SnapshotLeases:
    return SnapshotLeases(
        idle_timeout_seconds=60,
        max_seconds=600,
        max_count=100,
        max_bytes=max_bytes,
        clock=lambda: 0.0,
    )


def _state(*bodies: bytes) -> dict[int, Item]:
    return {number: entry(body) for number, body in enumerate(bodies)}


def test_versions_without_a_difference_count_as_one() -> None:
    holds = SnapshotLeases(
        idle_timeout_seconds=60, max_seconds=600, max_count=1, max_bytes=500, clock=lambda: 0.0
    )
    edition = edition_of(_state(b"a" * 100))
    for revision in range(1, 50):
        assert holds.acquire(edition.snapshot).snapshot.revision == revision
        edition = edition_of(_state(b"a" * 100), previous=edition)

    assert len(holds) == 49
    assert holds.bytes(edition.snapshot) == 101 + BYTES_PER_OBJECT


def test_shared_contexts_are_counted_once() -> None:
    holds = _holds(10_000)
    first = edition_of(_state(b"a" * 100, b"b" * 100))
    holds.acquire(first.snapshot)
    assert holds.bytes(None) == 2 * (101 + BYTES_PER_OBJECT)

    second = edition_of(_state(b"a" * 100, b"c" * 50), previous=first)

    assert holds.bytes(second.snapshot) == 2 * 101 + 51 + 4 * BYTES_PER_OBJECT
    assert _holds(1).bytes(None) == 0


def test_over_the_cap_of_bytes_a_caller_loses_its_own_oldest_walk() -> None:
    holds = _holds(400)
    old = edition_of(_state(b"a" * 100))
    holds.acquire(old.snapshot)
    new = edition_of(_state(b"b" * 100), previous=old)

    holds.acquire(new.snapshot)

    assert holds.find("e", 1) is None
    assert holds.find("e", 2) is not None
    assert holds.evictions == 1


def test_over_the_cap_of_bytes_an_equal_share_is_not_taken_from_another_caller() -> None:
    holds = _holds(400)
    old = edition_of(_state(b"a" * 100))
    with calling("a"):
        holds.acquire(old.snapshot)
    new = edition_of(_state(b"b" * 100), previous=old)

    with calling("b"), pytest.raises(TooManySnapshots):
        holds.acquire(new.snapshot)

    assert holds.find("e", 1) is not None
    assert holds.evictions == 0


def _editions(count: int) -> list[Snapshot]:
    """Return snapshots that share nothing."""
    editions = [edition_of(_state(b"1"))]
    for number in range(2, count + 1):
        editions.append(edition_of(_state(b"%d" % number), previous=editions[-1]))
    return [edition.snapshot for edition in editions]


def test_one_caller_with_257_snapshots_keeps_nobody_out() -> None:
    holds = SnapshotLeases(
        idle_timeout_seconds=60, max_seconds=600, max_count=256, max_bytes=1 << 30, clock=float
    )
    *snapshots, newest, last = _editions(259)
    with calling("greedy"):
        for snapshot in snapshots:
            holds.acquire(snapshot)
    assert len(holds) == 256
    assert holds.find("e", 1) is None

    with calling("other"):
        holds.acquire(newest)
        with holds.pin(last):
            assert len(holds) == 256

    with calling("greedy"):
        for snapshot in _editions(600)[259:]:
            holds.acquire(snapshot)
    assert holds.find("e", newest.revision) is not None


def test_a_pin_is_evicted_for_another_caller_and_not_for_its_own() -> None:
    holds = SnapshotLeases(
        idle_timeout_seconds=60, max_seconds=600, max_count=2, max_bytes=1 << 30, clock=float
    )
    first, second, third = _editions(3)
    evicted: list[int] = []
    with ExitStack() as pins:
        with calling("a"):
            pins.enter_context(holds.pin(first, lambda: evicted.append(1)))
            pins.enter_context(holds.pin(second, lambda: evicted.append(2)))
            with pytest.raises(TooManySnapshots):
                holds.acquire(third)
        assert evicted == []

        with calling("b"):
            pins.enter_context(holds.pin(third))

        assert evicted == [1]
        assert holds.find("e", 1) is None
        with calling("b"):
            again = pins.enter_context(holds.pin(third))
        assert again.snapshot is third
    assert len(holds) == 0


def test_the_end_of_an_evicted_pin_leaves_later_pins_of_its_snapshot() -> None:
    holds = SnapshotLeases(
        idle_timeout_seconds=60, max_seconds=600, max_count=2, max_bytes=1 << 30, clock=float
    )
    first, second, third = _editions(3)
    with ExitStack() as evicted, ExitStack() as later:
        with calling("a"):
            evicted.enter_context(holds.pin(first))
            evicted.enter_context(holds.pin(second))
        with calling("b"), holds.pin(third):
            pass
        with calling("b"):
            later.enter_context(holds.pin(first))
        evicted.close()

        assert holds.find("e", 1) is not None


def test_a_snapshot_over_the_cap_by_itself_is_refused_for_the_idle_time() -> None:
    with pytest.raises(TooManySnapshots) as caught:
        _holds(10).acquire(edition_of(_state(b"a" * 100)).snapshot)

    assert caught.value.retry_after_seconds == 60


def test_a_pinned_version_is_held_however_long_it_takes() -> None:
    now = 0.0
    holds = SnapshotLeases(
        idle_timeout_seconds=60, max_seconds=600, max_count=1, max_bytes=999, clock=lambda: now
    )
    first = edition_of(_state(b"a"))
    second = edition_of(_state(b"b"), previous=first)

    with holds.pin(first.snapshot):
        now = 601.0
        assert len(holds) == 1
        with pytest.raises(TooManySnapshots) as caught:
            holds.acquire(second.snapshot)
        assert caught.value.retry_after_seconds == 60
    assert holds.find("e", 1) is None
    holds.acquire(second.snapshot)


def test_a_pin_leaves_nothing_held_but_what_is_walked() -> None:
    holds = _holds(10_000)
    version = edition_of(_state(b"a")).snapshot

    with holds.pin(version), holds.pin(version):
        assert len(holds) == 1
    assert len(holds) == 0
    with holds.pin(version):
        holds.acquire(version)
    assert len(holds) == 1
    with holds.pin(version):
        pass
    assert len(holds) == 1


def test_a_version_takes_the_place_of_itself_when_it_is_complete() -> None:
    holds = _holds(1000)
    version = edition_of(_state(b"a")).snapshot
    incomplete = replace(version, is_complete=False)
    hold = holds.acquire(incomplete)

    holds.replace_partial(version)

    assert hold.snapshot is version
    holds.drop(version)
    assert holds.find("e", 1) is None
    holds.replace_partial(version)  # no client walks through it
    assert len(holds) == 0

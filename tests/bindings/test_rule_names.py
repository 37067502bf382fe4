"""Names of rules: found once, bounded, forgotten when the engine restarts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.engine import Engine
from bindings.library import Library
from bindings.rule_names import (
    LIFETIME_SECONDS,
    MAX_CALLS,
    UNKNOWN,
    ContextId,
    ContextKey,
    FilterId,
    PolicyName,
    RuleNames,
)
from tests.conftest import SIMULATOR_PATH

from .test_enumeration import assert_nothing_is_left


GET = "FwpmFilterGetById0"
KEY = "00000007-0000-0000-0000-000000000000"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def names(library: Library, simulator: Simulator, clock: Clock) -> Iterator[RuleNames]:
    names = RuleNames(Engine(library), clock=clock)
    yield names
    names.close()
    assert_nothing_is_left(simulator)


def put_filter(simulator: Simulator, filter_id: int, name: str) -> None:
    text = ffi.new("char16_t[]", name)
    tree = ffi.new("FWPM_FILTER0 *", {"filterId": filter_id, "displayData": {"name": text}})
    simulator.put_filter(int(ffi.cast("uintptr_t", tree)))


def put_context(simulator: Simulator, context_id: int, name: str) -> None:
    """Put a provider context whose key is `KEY`."""
    text = ffi.new("char16_t[]", name)
    tree = ffi.new(
        "FWPM_PROVIDER_CONTEXT3 *",
        {
            "providerContextId": context_id,
            "providerContextKey": {"Data1": 7},
            "displayData": {"name": text},
        },
    )
    simulator.put_provider_context(int(ffi.cast("uintptr_t", tree)))


def test_name_of_an_id_is_read_once_and_outlives_the_filter(
    names: RuleNames, simulator: Simulator, clock: Clock
) -> None:
    put_filter(simulator, 7, "Database servers")
    assert names.lookup()(FilterId(7)) == PolicyName("Database servers")

    simulator.delete_filter(7)
    clock.now += 10 * LIFETIME_SECONDS

    assert names.lookup()(FilterId(7)) == PolicyName("Database servers")
    assert simulator.calls(GET) == 1


def test_id_that_is_not_found_is_read_again_after_a_lifetime(
    names: RuleNames, simulator: Simulator, clock: Clock
) -> None:
    assert names.lookup()(FilterId(7)) == UNKNOWN
    put_filter(simulator, 7, "Database servers")
    clock.now += LIFETIME_SECONDS - 1
    assert names.lookup()(FilterId(7)) == UNKNOWN
    assert simulator.calls(GET) == 1

    clock.now += 2

    assert names.lookup()(FilterId(7)) == PolicyName("Database servers")


def test_key_may_be_given_to_another_context(
    names: RuleNames, simulator: Simulator, clock: Clock
) -> None:
    put_context(simulator, 1, "before")
    assert names.lookup()(ContextKey(KEY)) == PolicyName("before")
    simulator.delete_provider_context(1)
    put_context(simulator, 2, "after")
    assert names.lookup()(ContextKey(KEY)) == PolicyName("before")

    clock.now += LIFETIME_SECONDS + 1

    assert names.lookup()(ContextKey(KEY)) == PolicyName("after")
    assert names.lookup()(ContextId(2)) == PolicyName("after")


def test_names_are_forgotten_when_the_engine_restarts(
    names: RuleNames, simulator: Simulator
) -> None:
    put_filter(simulator, 7, "before")
    assert names.lookup()(FilterId(7)) == PolicyName("before")
    simulator.stop_engine()
    simulator.start_engine()
    put_filter(simulator, 7, "after")

    assert names.lookup()(FilterId(7)) == PolicyName("after")


def test_refresh_makes_a_bounded_number_of_calls(names: RuleNames, simulator: Simulator) -> None:
    simulator.populate(1)
    count = 2 * MAX_CALLS + 10
    for number in range(1, count + 1):
        put_filter(simulator, number, f"rule {number}")

    for refresh in (1, 2, 3):
        lookup = names.lookup()
        found = [lookup(FilterId(number)).text for number in range(1, count + 1)]
        assert simulator.calls(GET) == min(refresh * MAX_CALLS, count)
        assert len([text for text in found if text]) == min(refresh * MAX_CALLS, count)

    assert found == [f"rule {number}" for number in range(1, count + 1)]


def test_lookup_gives_one_answer_throughout(names: RuleNames, simulator: Simulator) -> None:
    lookup = names.lookup()
    assert lookup(FilterId(7)) == UNKNOWN
    names.read(FilterId(7))
    put_filter(simulator, 7, "Database servers")
    names.read(FilterId(7))

    assert lookup(FilterId(7)) == UNKNOWN
    assert names.lookup()(FilterId(7)) == PolicyName("Database servers")


def test_lookup_without_calls_uses_only_what_is_kept(
    names: RuleNames, simulator: Simulator
) -> None:
    put_filter(simulator, 7, "Database servers")
    assert names.lookup(max_calls=0)(FilterId(7)) == UNKNOWN
    assert simulator.calls() == 0

    names.lookup()(FilterId(7))

    assert names.lookup(max_calls=0)(FilterId(7)) == PolicyName("Database servers")


def test_full_cache_keeps_the_names_in_use_and_forgets_others(
    library: Library, simulator: Simulator, clock: Clock
) -> None:
    names = RuleNames(Engine(library), max_names=3, clock=clock)
    for number in range(1, 8):
        put_filter(simulator, number, f"rule {number}")

    def found(*ids: int) -> list[str | None]:
        lookup = names.lookup()
        return [lookup(FilterId(number)).text for number in ids]

    assert found(1, 2, 3, 4) == ["rule 1", "rule 2", "rule 3", None]
    assert found(4, 3, 2, 1) == [None, "rule 3", "rule 2", "rule 1"]  # nothing changes places
    clock.now += LIFETIME_SECONDS
    assert found(1, 5) == ["rule 1", None]
    clock.now += LIFETIME_SECONDS / 2
    assert found(1, 5, 6, 7) == ["rule 1", "rule 5", "rule 6", None]
    assert len(names) == 3
    names.close()


def test_full_cache_is_seldom_searched_for_names_to_forget(
    library: Library, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = RuleNames(Engine(library), max_names=3, clock=clock)
    searches: list[float] = []
    evict = RuleNames._evict  # noqa: SLF001  # its cost

    def counted(names: RuleNames, now: float) -> None:
        searches.append(now)
        evict(names, now)

    monkeypatch.setattr(RuleNames, "_evict", counted)
    lookup = names.lookup()

    for number in range(100):
        lookup(FilterId(number))

    assert len(searches) == 1
    names.close()


@pytest.mark.parametrize("code", [5, 1745])
def test_without_the_right_or_the_function_nothing_is_tried_for_a_lifetime(
    names: RuleNames, simulator: Simulator, clock: Clock, code: int
) -> None:
    put_filter(simulator, 7, "Database servers")
    simulator.fail(GET, code, times=0)
    for _ in range(3):
        lookup = names.lookup()
        assert [lookup(FilterId(number)) for number in (7, 8, 9)] == [UNKNOWN] * 3
    assert simulator.calls(GET) == 1
    simulator.clear_failures()
    clock.now += LIFETIME_SECONDS

    assert names.lookup()(FilterId(7)) == PolicyName("Database servers")


@pytest.mark.parametrize("code", [1, 8, 1722, 0x80320012])
def test_failing_engine_is_tried_once_per_refresh(
    names: RuleNames, simulator: Simulator, code: int
) -> None:
    put_filter(simulator, 7, "Database servers")
    simulator.fail(GET, code, times=0)
    lookup = names.lookup()

    assert [lookup(FilterId(number)) for number in (7, 8, 9)] == [UNKNOWN] * 3
    assert simulator.calls(GET) <= 2  # again, in another session, if the first one died
    simulator.clear_failures()
    assert names.lookup()(FilterId(7)) == PolicyName("Database servers")


def test_names_are_what_a_fresh_read_finds() -> None:
    run_state_machine_as_test(
        NamesMachine, settings=settings(max_examples=30, stateful_step_count=30)
    )


class NamesMachine(RuleBasedStateMachine):
    """Filters come and go, time passes, the engine restarts: ids are never used twice in a run."""

    def __init__(self) -> None:
        super().__init__()
        self.simulator = Simulator(SIMULATOR_PATH)
        self.simulator.reset()
        self.clock = Clock()
        self.names = RuleNames(Engine(Library(SIMULATOR_PATH)), max_names=8, clock=self.clock)
        self.next = 1
        self.ever: dict[int, str] = {}
        self.present: set[int] = set()
        self.run = 0

    @rule()
    def add(self) -> None:
        self.ever[self.next] = f"rule {self.next} of run {self.run}"
        put_filter(self.simulator, self.next, self.ever[self.next])
        self.present.add(self.next)
        self.next += 1

    @rule(choice=st.integers(0, 100))
    def remove(self, choice: int) -> None:
        if self.present:
            chosen = sorted(self.present)[choice % len(self.present)]
            self.present.remove(chosen)
            self.simulator.delete_filter(chosen)

    @rule(seconds=st.sampled_from([1.0, LIFETIME_SECONDS / 2, LIFETIME_SECONDS * 2]))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def restart(self) -> None:
        self.simulator.stop_engine()
        self.simulator.start_engine()
        for each in self.present:
            self.simulator.delete_filter(each)
        self.ever.clear()
        self.present.clear()
        self.next, self.run = 1, self.run + 1

    @rule(calls=st.integers(0, 4), first=st.integers(1, 12))
    def look_up(self, calls: int, first: int) -> None:
        lookup = self.names.lookup(calls)
        before = self.simulator.calls(GET)
        for each in range(first, first + 6):
            name = lookup(FilterId(each))
            if calls:  # without calls, a restart is not noticed
                assert name.text in (None, self.ever.get(each))
        assert self.simulator.calls(GET) - before <= calls

    @invariant()
    def is_bounded(self) -> None:
        assert len(self.names) <= 8

    def teardown(self) -> None:
        self.names.close()
        assert_nothing_is_left(self.simulator)
        self.simulator.reset()

"""Counters that overflow continue; counters that restart begin at zero."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.resources.statistics.wraparound import WrapAwareCounter


STEPS = st.lists(st.integers(0, (1 << 31) - 1), min_size=1, max_size=50)


@given(start=st.integers(0, (1 << 32) - 1), steps=STEPS)
def test_overflows_are_not_seen(start: int, steps: list[int]) -> None:
    counter, counted = WrapAwareCounter(), start
    counter.update(counted)
    for step in steps:
        counted += step
        counter.update(counted % (1 << 32))
        assert counter.value == counted


@given(before=STEPS, after=STEPS)
def test_a_new_engine_is_an_ordinary_reset(before: list[int], after: list[int]) -> None:
    counter, counted = WrapAwareCounter(), 0
    for step in before:
        counted += step
        counter.update(counted % (1 << 32))
    counted, is_new = 0, True
    for step in after:
        counted += step
        counter.update(counted % (1 << 32), is_new=is_new)
        is_new = False
        assert counter.value == counted


@given(last=st.integers(1, (1 << 31) - 1), data=st.data())
def test_a_counter_that_begins_anew_by_itself_is_seen(last: int, data: st.DataObject) -> None:
    counter = WrapAwareCounter()
    counter.update(last)
    counted = data.draw(st.integers(0, last - 1))

    counter.update(counted)

    assert counter.value == counted

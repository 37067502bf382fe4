"""Seats that callers share."""

from __future__ import annotations

from collections import Counter

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repository.fairness import MAX_TAGS, FairLimiter, Place
from tests.repository.callers import calling


pytestmark = pytest.mark.anyio


def joined(limiter: FairLimiter, caller: str, seats: int = 1) -> Place:
    with calling(caller):
        return limiter.join(seats)


async def test_nothing_waits_while_seats_are_free() -> None:
    limiter = FairLimiter(2)

    places = [joined(limiter, "a"), joined(limiter, "a")]

    assert [place.is_admitted for place in places] == [True, True]
    assert (limiter.occupied, limiter.waiting, limiter.waits) == (2, 0, 0)


async def test_a_caller_waits_for_one_piece_of_work_of_another() -> None:
    now = 0.0
    limiter = FairLimiter(1, lambda: now)
    crowd = [joined(limiter, "greedy") for _ in range(1000)]
    other = joined(limiter, "other")
    assert (limiter.occupied, limiter.waiting) == (1, 1000)

    for count in range(10):
        now += 3
        limiter.leave(crowd[count])
        assert other.is_admitted
        assert not crowd[count + 1].is_admitted
        limiter.leave(other)
        assert crowd[count + 1].is_admitted
        other = joined(limiter, "other")  # after each response
    assert limiter.waits == 20
    assert limiter.wait_seconds == 3 * 10 + 3 * sum(range(1, 11))


async def test_seats_are_shared_whatever_the_work_costs() -> None:
    """One caller's work takes four of four seats, another's one."""
    limiter, had = FairLimiter(4), Counter[str]()
    first = joined(limiter, "none", 4)
    cheap = [joined(limiter, "cheap") for _ in range(400)]
    dear = [joined(limiter, "dear", 4) for _ in range(400)]
    limiter.leave(first)
    while sum(had.values()) < 400:
        for place in [each for each in cheap + dear if each.is_admitted]:
            had[place.caller if isinstance(place.caller, str) else ""] += place.seats
            limiter.leave(place)

    assert abs(had["cheap"] - had["dear"]) <= 8


async def test_work_that_would_take_more_seats_than_there_are_takes_all() -> None:
    limiter = FairLimiter(2)

    place = joined(limiter, "a", 5)

    assert (place.is_admitted, limiter.occupied) == (True, 2)
    with anyio.fail_after(5):
        limiter.leave(place)
        await limiter.turn(5)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.integers(0, 30)), max_size=60)
)
def test_seats_are_never_lost(steps: list[tuple[str, int, int]]) -> None:
    """Each step takes a place, and gives one up, which may be waiting."""

    async def run() -> None:
        limiter, places = FairLimiter(3), list[Place]()
        for caller, seats, given_up in steps:
            places.append(joined(limiter, caller, seats))
            if given_up < len(places):
                limiter.leave(places[given_up])
                limiter.leave(places[given_up])
            occupied = sum(place.seats for place in places if place.is_admitted)
            assert limiter.occupied == occupied <= 3
            waiting = [place for place in places if not place.is_admitted]
            assert limiter.waiting <= len(waiting)
        for place in places:
            limiter.leave(place)
        assert (limiter.occupied, limiter.waiting) == (0, 0)

    anyio.run(run)


async def test_who_gives_up_leaves_the_queue() -> None:
    limiter = FairLimiter(1)
    async with limiter.seat(), anyio.create_task_group() as tasks:

        async def wait() -> None:
            async with limiter.seat():
                pytest.fail("it was cancelled before it had a seat")

        tasks.start_soon(wait)
        tasks.start_soon(limiter.turn)
        await anyio.wait_all_tasks_blocked()
        assert limiter.waiting == 2
        tasks.cancel_scope.cancel()

    assert (limiter.occupied, limiter.waiting) == (0, 0)


async def test_in_each_iteration_of_the_loop_so_many_turns_begin() -> None:
    limiter, began, iteration = FairLimiter(3), Counter[int](), 0

    async def count() -> None:
        nonlocal iteration
        while limiter.waiting or not iteration:
            await anyio.lowlevel.checkpoint()
            iteration += 1

    async def take_turns() -> None:
        for _ in range(5):
            await limiter.turn()
            began[iteration] += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(take_turns)
        tasks.start_soon(count)

    assert sum(began.values()) == 100
    assert max(began.values()) <= 3 * 2  # the counting task may run before or after


async def test_no_more_callers_are_remembered_than_may_be() -> None:
    limiter = FairLimiter(1)
    place = joined(limiter, "first")
    for number in range(3 * MAX_TAGS):
        following = joined(limiter, str(number))
        limiter.leave(place)
        place = following

    assert len(limiter._tags) <= MAX_TAGS  # noqa: SLF001  # not otherwise visible

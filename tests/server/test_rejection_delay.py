"""The delay of repeated rejections, simulated."""

from __future__ import annotations

from heapq import heapify, heapreplace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.rejections import (
    DELAY_SECONDS,
    MAX_DELAY_SECONDS,
    MAX_DELAYED_PER_SECOND,
    RejectionDelay,
)


SECONDS = 20


def rejections_per_second(connections: int) -> float:
    """Return how often connections are rejected that each request again at once."""
    delay, count = RejectionDelay(), 0
    due = [number / 1000 for number in range(connections)]
    heapify(due)
    while (now := due[0]) < SECONDS:
        heapreplace(due, now + delay.seconds(now))
        count += 1
    return count / SECONDS


def test_each_of_few_connections_is_delayed_by_half_a_second() -> None:
    assert rejections_per_second(10) == pytest.approx(10 / DELAY_SECONDS, rel=0.05)


def test_many_connections_share_a_rate() -> None:
    assert rejections_per_second(250) == pytest.approx(MAX_DELAYED_PER_SECOND, rel=0.05)


@given(st.lists(st.floats(0, 1), max_size=2000))
def test_clients_that_disconnect_delay_others_by_no_more_than_the_maximum(
    pauses: list[float],
) -> None:
    """None of the rejections before the last one is sent."""
    delay, now = RejectionDelay(), 0.0
    for pause in pauses:
        now += pause
        assert delay.seconds(now) + 1e-9 >= DELAY_SECONDS
        assert delay.seconds(now) <= MAX_DELAY_SECONDS + 1e-9

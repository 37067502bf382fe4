"""Who reads enough, and who does not, at which time."""

from __future__ import annotations

import pytest

from app.net.send_queue import SendQueue
from app.server.read_timeout import MIN_BYTES_PER_SECOND, ReadTimeout


SECONDS = 30
WRITTEN = 400_000


def second_of_the_end(read_per_second: int, *, written: int = WRITTEN) -> int | None:
    """Return when a client of a response is cut off; None: it reads everything."""
    timeout = ReadTimeout(SECONDS)
    for second in range(10_000):
        read = min(written, second * read_per_second)
        if timeout.is_over(SendQueue(read, written - read), second):
            return second
        if read == written:
            break
    return None


@pytest.mark.parametrize("read_per_second", [0, 1, 100, MIN_BYTES_PER_SECOND - 100])
def test_a_client_that_reads_less_than_the_minimum_is_cut_off(read_per_second: int) -> None:
    assert second_of_the_end(read_per_second) == SECONDS + 1


@pytest.mark.parametrize("read_per_second", [MIN_BYTES_PER_SECOND, 10_000, WRITTEN])
def test_a_client_that_reads_the_minimum_gets_all(read_per_second: int) -> None:
    assert second_of_the_end(read_per_second) is None


def test_a_small_rest_must_be_read_in_time_too() -> None:
    assert second_of_the_end(0, written=300) == SECONDS + 1
    assert second_of_the_end(10, written=300) is None


def test_a_client_that_reads_each_event_is_never_cut_off() -> None:
    """At a long round trip there is always something on its way."""
    timeout = ReadTimeout(SECONDS)

    assert not any(timeout.is_over(SendQueue(300 * second, 300), second) for second in range(1000))


def test_reading_everything_ends_the_wait() -> None:
    timeout = ReadTimeout(SECONDS)
    assert not timeout.is_over(SendQueue(0, 10), 0)
    assert not timeout.is_over(SendQueue(10, 0), SECONDS)
    assert not timeout.is_over(SendQueue(10, 10), SECONDS + 1)
    assert not timeout.is_over(SendQueue(10, 10), 2 * SECONDS + 1)
    assert timeout.unread_since == SECONDS + 1
    assert timeout.is_over(SendQueue(10, 10), 2 * SECONDS + 2)

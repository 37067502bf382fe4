"""A leak is found in the noise of a server under load, and noise alone is no leak."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from tests.soak.memory import Memory, Sample


MINUTES = 10
MB = 1 << 20
LEVEL = [80 * MB] * 8


def memory(resident: Callable[[float], float], rests: list[int] = LEVEL) -> Memory:
    """Return one sample per second."""
    samples = [Sample(second, int(resident(second) * MB)) for second in range(MINUTES * 60)]
    return Memory(samples, rests)


def at_work(seconds: float) -> float:
    """Return megabytes of a server under load whose caches have filled up."""
    filling = 20 * (1 - math.exp(-seconds / 30))
    return 100 + filling + 10 * math.sin(seconds / 7) + Random(int(seconds)).uniform(-10, 10)


def test_a_server_at_work_is_flat() -> None:
    assert memory(at_work).faults() == []


def test_what_fills_up_at_first_does_not_count() -> None:
    filling = memory(
        lambda seconds: 100 + min(seconds, 120), [60 * MB, *[80 * MB] * 3, *[81 * MB] * 4]
    )

    assert filling.faults() == []


@pytest.mark.parametrize("megabytes_a_minute", [6, 10, 100])
def test_a_leak_is_seen_at_work(megabytes_a_minute: float) -> None:
    faults = memory(lambda seconds: at_work(seconds) + megabytes_a_minute / 60 * seconds).faults()

    assert any("its growth is" in fault for fault in faults)


def test_a_late_step_is_seen() -> None:
    faults = memory(lambda seconds: at_work(seconds) + (60 if seconds > 590 else 0)).faults()

    assert any("its rise is" in fault for fault in faults)


def test_a_small_leak_is_seen_at_rest() -> None:
    """Two megabytes a minute are otherwise lost among snapshots."""
    rests = [int((80 + 2.5 * eighth) * MB) for eighth in range(1, 9)]
    leaking = memory(lambda seconds: at_work(seconds) + seconds / 30, rests)

    assert [fault.split(",")[0] for fault in leaking.faults()] == [
        "memory is not flat: its growth at rest is 5.6%"
    ]


def test_a_rest_that_is_low_or_high_by_chance_is_no_fault() -> None:
    chance = [88, 78, 88, 90, 80, 94, 86, 92]

    assert memory(at_work, [megabytes * MB for megabytes in chance]).faults() == []


def test_memory_that_is_given_back_is_no_fault() -> None:
    assert (
        memory(
            lambda seconds: 200 - seconds / 10, [(9 - eighth) * MB for eighth in range(1, 9)]
        ).faults()
        == []
    )

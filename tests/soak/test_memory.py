"""That a leak is seen through the noise of a server at work, and that noise alone is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from tests.soak.memory import Curve, Sample


MINUTES = 10
MB = 1 << 20


def curve(resident: Callable[[float], float]) -> Curve:
    """A curve of a sample a second."""
    return Curve([Sample(s, int(resident(s) * MB)) for s in range(MINUTES * 60)])


def at_work(seconds: float) -> float:
    """Megabytes as snapshots come and go, once what is kept has filled up."""
    filling = 70 * (1 - math.exp(-seconds / 30))
    return 90 + filling + 12 * math.sin(seconds / 7) + Random(int(seconds)).uniform(-15, 15)


def test_that_a_server_at_work_is_flat() -> None:
    assert curve(at_work).faults() == []


def test_that_what_fills_up_at_first_does_not_count() -> None:
    assert curve(lambda seconds: min(seconds, 120) + 100).faults() == []


@pytest.mark.parametrize("megabytes_a_minute", [4, 10, 100])
def test_that_a_leak_is_seen(megabytes_a_minute: float) -> None:
    faults = curve(lambda seconds: at_work(seconds) + megabytes_a_minute / 60 * seconds).faults()

    assert any("growth" in fault for fault in faults)


def test_that_a_late_step_is_seen() -> None:
    faults = curve(lambda seconds: at_work(seconds) + (60 if seconds > 590 else 0)).faults()

    assert any("rise" in fault for fault in faults)


def test_that_memory_that_is_given_back_is_no_fault() -> None:
    assert curve(lambda seconds: 200 - seconds / 10).faults() == []

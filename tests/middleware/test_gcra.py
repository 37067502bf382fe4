"""The rate limiter against a leaky bucket in exact fractions, for any number of keys."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from time import perf_counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from app.middleware.gcra import MAX_KEYS, GcraLimiter
from app.net.networks import client_network


SECOND = 10**9
WINDOW_SECONDS = 60
KEYS_OF_MODEL = st.sampled_from("abc")


class Clock:
    """A clock that moves only on request."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


class Bucket:
    """A leaky bucket: one drop per interval; what does not fit is rejected."""

    def __init__(self, quota: int) -> None:
        self.quota = quota
        self.drop_nanoseconds = Fraction(WINDOW_SECONDS * SECOND, quota)
        self.level = Fraction(0)

    def leak(self, nanoseconds: int) -> None:
        self.level = max(Fraction(0), self.level - nanoseconds / self.drop_nanoseconds)

    def fits(self) -> bool:
        return self.level + 1 <= self.quota


class RatesAsBuckets(RuleBasedStateMachine):
    @initialize(quota=st.sampled_from([1, 2, 3, 5, 10, 30]))
    def begin(self, quota: int) -> None:
        self.clock = Clock()
        self.rates = GcraLimiter(quota, WINDOW_SECONDS, clock=self.clock)
        self.buckets = {key: Bucket(quota) for key in "abc"}

    @rule(key=KEYS_OF_MODEL, times=st.integers(1, 12))
    def take(self, key: str, times: int) -> None:
        bucket = self.buckets[key]
        for _ in range(times):
            fits = bucket.fits()
            standing = self.rates.hit(key)
            bucket.level += fits
            assert standing.is_within == fits
            if fits:
                assert standing.left == int(bucket.quota - bucket.level)
                assert standing.nanoseconds == bucket.level * bucket.drop_nanoseconds

    @rule(key=KEYS_OF_MODEL)
    def look(self, key: str) -> None:
        assert self.rates.peek(key).is_within == self.buckets[key].fits()
        assert self.rates.peek(key).left == int(self.buckets[key].quota - self.buckets[key].level)

    @rule(nanoseconds=st.one_of(st.integers(0, 3 * SECOND), st.integers(0, 200 * SECOND)))
    def pass_time(self, nanoseconds: int) -> None:
        self.clock.now += nanoseconds
        for bucket in self.buckets.values():
            bucket.leak(nanoseconds)

    @rule(key=KEYS_OF_MODEL)
    def wait_as_long_as_required(self, key: str) -> None:
        standing = self.rates.peek(key)
        if standing.is_within:
            return
        assert 0 <= standing.seconds * SECOND - standing.nanoseconds < SECOND
        self.pass_time(standing.nanoseconds - 1)
        assert not self.rates.peek(key).is_within
        assert not self.buckets[key].fits()
        self.pass_time(1)
        assert self.rates.peek(key).is_within
        assert self.buckets[key].fits()


TestRatesAsBuckets = RatesAsBuckets.TestCase
TestRatesAsBuckets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_million_addresses_take_no_more_memory_than_those_kept() -> None:
    rates = GcraLimiter(30, 60)
    tracemalloc.start()
    for number in range(100_000):
        rates.hit(number << 64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for number in range(100_000, 1_000_000):
        rates.hit(number << 64)

    assert peak < 6 << 20
    assert len(rates) == MAX_KEYS


def test_who_keeps_coming_is_not_forgotten_for_others() -> None:
    rates = GcraLimiter(3, 60, keys=10, clock=Clock())
    seen = Counter(
        rates.hit("again").is_within for other in range(100) if rates.hit(other).is_within
    )

    assert seen == {True: 3, False: 97}


def _microseconds(one: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        began = perf_counter()
        for _ in range(2000):
            one()
        best = min(best, (perf_counter() - began) / 2000 * 1e6)
    return best


def test_a_rejection_costs_microseconds() -> None:
    rates = GcraLimiter(1, 60)
    rates.hit("a")

    assert not rates.hit("a").is_within
    assert _microseconds(lambda: rates.hit("a")) < 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
    ],
)
def test_whose_an_address_is(address: str, network: str) -> None:
    assert client_network(address) == network


def test_rotating_addresses_of_one_network_count_together() -> None:
    rates = GcraLimiter(30, 60, clock=Clock())
    taken = [rates.hit(client_network(f"2001:db8::{low:x}")).is_within for low in range(1000)]

    assert sum(taken) == 30
    assert len(rates) == 1

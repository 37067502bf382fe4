"""The admission of connections by their address, and early drops."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest

from app.server.admission import (
    STARTUPS_BEGIN,
    STARTUPS_FULL,
    STARTUPS_RATE,
    TOTAL_PER_SECOND,
    VERIFIED_FACTOR,
    Admission,
    Rejection,
)
from app.settings.limits import ConnectionLimits


QUOTA = 30
PROXY = "2001:db8:0:3::1"
LIMITS = replace(
    ConnectionLimits(), rate_limit_connections=QUOTA, trusted_proxies=(ip_network(PROXY),)
)


@dataclass(eq=False)
class Pending:
    """A connection without a request."""

    network: str = "192.0.2.1"


@pytest.fixture
def rejections() -> list[tuple[Rejection, str]]:
    return []


@pytest.fixture
def admission(rejections: list[tuple[Rejection, str]]) -> Admission:
    """The admission of a server that has accepted a credential from 198.51.100.1."""
    return Admission(
        LIMITS,
        lambda network: network == "198.51.100.1",
        lambda reason, address: rejections.append((reason, address)),
    )


def admitted(admission: Admission, addresses: list[str]) -> int:
    return sum(not admission.rejects(address) for address in addresses)


@pytest.mark.parametrize("network", ["192.0.2.1", "2001:db8::{:x}"])
def test_address_may_open_its_quota(
    admission: Admission, rejections: list[tuple[Rejection, str]], network: str
) -> None:
    addresses = [network.format(number) for number in range(1, 2 * QUOTA + 1)]

    assert admitted(admission, addresses) == QUOTA
    assert rejections == [(Rejection.ADDRESS_RATE, address) for address in addresses[QUOTA:]]
    assert admitted(admission, ["192.0.2.2"]) == 1


def test_verified_address_may_open_more(admission: Admission) -> None:
    count = QUOTA * VERIFIED_FACTOR

    assert admitted(admission, ["198.51.100.1"] * 2 * count) == count


def test_this_host_has_no_quota(admission: Admission) -> None:
    assert admitted(admission, ["127.0.0.1", "::1"] * TOTAL_PER_SECOND) == 2 * TOTAL_PER_SECOND


def test_trusted_proxy_has_no_quota_and_its_neighbours_have(admission: Admission) -> None:
    assert admitted(admission, [PROXY] * 2 * QUOTA) == 2 * QUOTA
    assert admitted(admission, ["2001:db8:0:3::2"] * 2 * QUOTA) == QUOTA


def test_flood_through_a_trusted_proxy_keeps_out_no_other(admission: Admission) -> None:
    assert admitted(admission, [PROXY] * 2 * TOTAL_PER_SECOND) < 2 * TOTAL_PER_SECOND

    assert admitted(admission, ["127.0.0.1", "198.51.100.1", "192.0.2.1"]) == 3


def test_flood_from_many_addresses_is_limited_in_total(
    admission: Admission, rejections: list[tuple[Rejection, str]]
) -> None:
    addresses = [f"10.0.{n >> 8}.{n & 255}" for n in range(2 * TOTAL_PER_SECOND)]

    assert TOTAL_PER_SECOND <= admitted(admission, addresses) < TOTAL_PER_SECOND * 1.5
    assert {reason for reason, _ in rejections} == {Rejection.TOTAL_RATE}


def test_flood_from_one_origin_keeps_out_no_other(admission: Admission) -> None:
    assert admitted(admission, ["198.51.100.1", "192.0.2.1"]) == 2
    admitted(admission, [f"10.0.{n >> 8}.{n & 255}" for n in range(2 * TOTAL_PER_SECOND)])
    assert admitted(admission, [f"192.0.2.{n}" for n in range(7, 107)]) < 100
    assert not admission.rejects("198.51.100.1")


def test_nothing_is_dropped_while_few_have_sent_no_request(admission: Admission) -> None:
    silent = [Pending() for _ in range(STARTUPS_BEGIN - 1)]

    assert not any(admission.early_drop(silent, [], Pending()) for _ in range(1000))


@pytest.mark.parametrize(
    ("count", "probability"),
    [
        (STARTUPS_BEGIN, STARTUPS_RATE),
        ((STARTUPS_BEGIN + STARTUPS_FULL) // 2, (1 + STARTUPS_RATE) / 2),
        (STARTUPS_FULL, 1),
        (2 * STARTUPS_FULL, 1),
    ],
)
def test_drops_become_certain_as_startups_become_many(
    admission: Admission, count: int, probability: float
) -> None:
    random.seed(1)
    silent = [Pending() for _ in range(count)]

    drops = [admission.early_drop(silent, [], Pending()) for _ in range(2000)]

    assert len([each for each in drops if each is not None]) / 2000 == pytest.approx(
        probability, abs=0.05
    )


def test_longest_silent_one_is_dropped_first(
    admission: Admission, rejections: list[tuple[Rejection, str]]
) -> None:
    silent, others = [Pending(), Pending()], [Pending() for _ in range(STARTUPS_FULL)]

    assert admission.early_drop(silent, others, Pending()) is silent[0]
    assert rejections == [(Rejection.EARLY_DROP, "192.0.2.1")]


def test_random_one_is_dropped_if_none_is_silent(admission: Admission) -> None:
    others, newest = [Pending() for _ in range(STARTUPS_FULL)], Pending()

    drops = Counter(admission.early_drop([], others, newest) for _ in range(20_000))

    assert set(drops) == {*others, newest}
    assert max(drops.values()) < 3 * 20_000 / len(drops)


def test_addresses_with_an_accepted_credential_are_dropped_last(admission: Admission) -> None:
    verified = [Pending("198.51.100.1") for _ in range(STARTUPS_FULL)]
    unverified = Pending()

    assert admission.early_drop([*verified, unverified], [], Pending()) is unverified
    assert admission.early_drop(verified, [unverified], verified[0]) is unverified
    assert admission.early_drop(verified, [], Pending()) is verified[0]
    assert admission.early_drop([], verified, Pending()) in verified


def test_trusted_proxies_are_dropped_last(admission: Admission) -> None:
    proxy = [Pending(PROXY) for _ in range(STARTUPS_FULL)]
    unverified = Pending()

    assert admission.early_drop([*proxy, unverified], [], Pending(PROXY)) is unverified

"""The order in which connections are evicted for another."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.server.admission import STARTUPS_BEGIN, STARTUPS_FULL, Admission
from app.server.idle_connections import (
    ABANDONED_SECONDS,
    HANDSHAKE_SECONDS,
    MAX_RESERVED,
    IdleConnections,
)
from app.settings.limits import ConnectionLimits


NOW = 1000.0
LONG_AGO = NOW - ABANDONED_SECONDS
LIMITS = ConnectionLimits(max_connections=6, max_connections_per_address=4)


class Connected:
    """A connection that is not there.

    Attributes:
        measured: what the client has not read, which the connection finds out when asked to.
    """

    def __init__(
        self,
        unread_since: float | None = None,
        *,
        caller: str | None = None,
        is_authorized: bool = True,
        measured: float | None = None,
        network: str = "192.0.2.1",
        is_silent: bool = False,
        is_rejected: bool = False,
    ) -> None:
        self.unread_since = unread_since
        self.caller = caller
        self.is_authorized = is_authorized
        self.measured = measured
        self.network = network
        self.is_silent = is_silent
        self.is_rejected = is_rejected
        self.is_aborted = False

    def enforce_limits(self, now: float) -> None:
        assert now >= NOW
        self.unread_since = self.measured or self.unread_since

    def abort(self) -> None:
        self.is_aborted = True
        self.unread_since = self.measured = None


def evicted(idle: IdleConnections, connections: Iterable[Connected]) -> list[Connected]:
    """Evict until nothing is left to evict; return the order."""
    among, order = set(connections), []
    idle.measure(among, NOW)
    while idle.evict(among, NOW):
        (gone,) = (each for each in among if each.is_aborted)
        among.remove(gone)
        order.append(gone)
    return order


def test_connections_are_evicted_in_the_documented_order() -> None:
    idle = IdleConnections(LIMITS, Admission(LIMITS))
    waiting, reading = Connected(), Connected(NOW - 0.4, caller="a")
    order = [
        Connected(LONG_AGO - 1),
        Connected(measured=LONG_AGO),
        rejected := Connected(is_rejected=True),
        silent := Connected(is_silent=True),
        silent_later := Connected(is_silent=True),
        unused := Connected(),
        unused_later := Connected(),
        unauthorized := Connected(is_authorized=False),
        just_rejected := Connected(is_rejected=True),
        young_and_silent := Connected(is_silent=True),
        young := Connected(),
        used := Connected(caller="b"),
        used_later := Connected(),
        Connected(NOW - 0.4),
        Connected(measured=NOW - 0.3),
        Connected(LONG_AGO - 2, caller="c"),
        Connected(LONG_AGO - 1, caller="d"),
    ]
    long_ago, just_now = NOW - HANDSHAKE_SECONDS, NOW - HANDSHAKE_SECONDS / 2
    idle.add(used, long_ago, is_used=True)
    idle.add(used_later, long_ago, is_used=True)
    idle.add(unauthorized, just_now, is_used=True)
    idle.add(unused, long_ago, is_used=False)
    idle.add(unused_later, long_ago, is_used=False)
    idle.add(young, just_now, is_used=False)
    idle.add(silent, long_ago, is_used=False)
    idle.add(silent_later, long_ago, is_used=False)
    idle.add(young_and_silent, just_now, is_used=False)
    idle.add(rejected, long_ago, is_used=False)
    idle.add(just_rejected, NOW, is_used=False)

    assert evicted(idle, [*reversed(order), waiting, reading]) == order


def test_a_caller_with_more_than_half_of_all_makes_room_for_others() -> None:
    idle = IdleConnections(LIMITS, Admission(LIMITS))
    other, its = Connected(caller="other"), Connected(NOW - 0.4, caller="other")
    greedy = [Connected(caller="greedy"), Connected(NOW - 0.1, caller="greedy")]
    greedy += [Connected(NOW - 0.2 - count, caller="greedy") for count in range(2)]
    idle.add(other, NOW - 60, is_used=True)
    idle.add(greedy[0], NOW - 1, is_used=True)
    among = {other, its, *greedy}
    idle.measure(among, NOW)

    assert idle.evict(among, NOW)

    assert greedy[0].is_aborted
    among.remove(greedy[0])
    assert idle.evict(among, NOW)  # it has half now
    assert [each.is_aborted for each in (other, its, *greedy)] == [True, False, True] + [False] * 3


def test_a_closing_connection_that_was_read_ends_without_an_eviction() -> None:
    idle, other = IdleConnections(LIMITS, Admission(LIMITS)), Connected()
    idle.add(other, NOW, is_used=True)

    class Closing(Connected):
        def enforce_limits(self, now: float) -> None:
            super().enforce_limits(now)
            idle.discard(self)

    closing = Closing()
    idle.add_closing(closing)

    assert idle.evict({closing, other}, NOW)
    assert not closing.is_aborted
    assert not other.is_aborted
    assert idle.evict({other}, NOW)
    assert other.is_aborted


def test_the_reserve_is_beyond_the_maximum_and_bounded() -> None:
    idle = IdleConnections(LIMITS, Admission(LIMITS))
    connections = {Connected(network=f"192.0.2.{number}") for number in range(6)}
    reserved = [Connected() for _ in range(MAX_RESERVED + 1)]
    for each in reserved:
        connections.add(each)
        assert not idle.admit(each, connections, NOW)
        idle.reserve(each)

    assert [each.is_aborted for each in reserved] == [True] + [False] * MAX_RESERVED
    for each in reserved:
        idle.discard(each)
        connections.discard(each)
    connections.pop()
    newest = Connected()
    assert idle.admit(newest, connections | {newest}, NOW)


@pytest.mark.parametrize(("network", "is_admitted"), [("192.0.2.1", False), ("192.0.2.2", True)])
def test_an_address_over_its_share_evicts_none_of_another(network: str, is_admitted: bool) -> None:
    idle = IdleConnections(LIMITS, Admission(LIMITS))
    own = {Connected(caller="own") for _ in range(4)}
    others = {Connected(LONG_AGO, network="192.0.2.9")}
    newest = Connected(network=network)

    assert idle.admit(newest, own | others | {newest}, NOW) is is_admitted
    assert not any(each.is_aborted for each in own | others)


def test_silent_connections_are_dropped_early_while_there_is_room() -> None:
    limits = ConnectionLimits()
    idle = IdleConnections(limits, Admission(limits))
    connections: set[Connected] = set()

    def connect() -> Connected:
        newest = Connected(network=f"192.0.2.{len(connections)}", is_silent=True)
        connections.add(newest)
        assert idle.admit(newest, connections, NOW)
        idle.add(newest, NOW, is_used=False)
        connections.difference_update([each for each in connections if each.is_aborted])
        return newest

    oldest = connect()
    opened = [connect() for _ in range(limits.max_connections)]

    assert oldest.is_aborted
    assert not opened[-1].is_aborted
    assert STARTUPS_BEGIN <= len(connections) <= STARTUPS_FULL


def test_rejected_connections_drop_no_new_one_early() -> None:
    """The attack: wrong keys over many connections from a client's own address."""
    limits = ConnectionLimits()
    idle = IdleConnections(limits, Admission(limits, is_verified=lambda _network: True))
    connections = {Connected(is_rejected=True) for _ in range(STARTUPS_FULL - 2)}
    for each in connections:
        idle.add(each, NOW, is_used=False)
    handshaking, newest = Connected(), Connected(is_silent=True)
    idle.add(handshaking, NOW, is_used=False)

    assert idle.admit(newest, connections | {handshaking, newest}, NOW)

    assert not any(each.is_aborted for each in (handshaking, newest, *connections))

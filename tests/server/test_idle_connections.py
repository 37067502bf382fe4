"""The order in which connections are evicted for another."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.server.admission import STARTUPS_BEGIN, STARTUPS_FULL, Admission
from app.server.idle_connections import (
    ABANDONED_SECONDS,
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
        is_identified: bool = False,
        measured: float | None = None,
        network: str = "192.0.2.1",
        is_silent: bool = False,
    ) -> None:
        self.unread_since = unread_since
        self.is_identified = is_identified
        self.measured = measured
        self.network = network
        self.is_silent = is_silent
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
    waiting, reading = Connected(), Connected(NOW - 0.4, is_identified=True)
    order = [
        Connected(LONG_AGO - 1),
        Connected(measured=LONG_AGO),
        silent := Connected(is_silent=True),
        silent_later := Connected(is_silent=True),
        unused := Connected(),
        unused_later := Connected(),
        used := Connected(is_identified=True),
        used_later := Connected(),
        Connected(NOW - 0.4),
        Connected(measured=NOW - 0.3),
        Connected(LONG_AGO - 2, is_identified=True),
        Connected(LONG_AGO - 1, is_identified=True),
    ]
    idle.add(used, is_used=True)
    idle.add(used_later, is_used=True)
    idle.add(unused, is_used=False)
    idle.add(unused_later, is_used=False)
    idle.add(silent, is_used=False)
    idle.add(silent_later, is_used=False)

    assert evicted(idle, [*reversed(order), waiting, reading]) == order


def test_a_closing_connection_that_was_read_ends_without_an_eviction() -> None:
    idle, other = IdleConnections(LIMITS, Admission(LIMITS)), Connected()
    idle.add(other, is_used=True)

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
    own = {Connected(is_identified=True) for _ in range(4)}
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
        idle.add(newest, is_used=False)
        connections.difference_update([each for each in connections if each.is_aborted])
        return newest

    oldest = connect()
    opened = [connect() for _ in range(limits.max_connections)]

    assert oldest.is_aborted
    assert not opened[-1].is_aborted
    assert STARTUPS_BEGIN <= len(connections) <= STARTUPS_FULL

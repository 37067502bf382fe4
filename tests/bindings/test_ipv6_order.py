"""The byte order of IPv6 addresses: what decides it, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sa_contexts_simulator import Option, Simulator

from bindings.addresses import Ipv6Order
from bindings.host_addresses import LOOPBACK, host_ipv6_addresses, linux_addresses
from bindings.ipv6_order import (
    MAX_CONDITIONS,
    MAX_FILTERS,
    MIN_AGREEING,
    Evidence,
    Ipv6OrderDetector,
    Ipv6OrderReason,
    Ipv6OrderState,
)
from bindings.library import Library
from bindings.sa_contexts import SaContexts
from bindings.session import Session
from tests.bindings.ipv6_trees import (
    LOCAL_ADDRESS,
    LOCAL_ADDRESS_V6,
    REMOTE_ADDRESS,
    REMOTE_ADDRESS_V6,
    SOURCE_ADDRESS,
    put_context,
)


NETWORK, REVERSED = Ipv6Order.NETWORK, Ipv6Order.REVERSED
START = datetime(2026, 11, 29, tzinfo=UTC)
OWN = [IPv6Address(f"2001:db8:1::{number:x}").packed for number in range(1, 6)]
PEERS = [IPv6Address(f"2001:db8:2::{number:x}").packed for number in range(1, 6)]
PALINDROME = bytes([*range(8), *reversed(range(8))])


def stored(address: bytes, order: Ipv6Order) -> bytes:
    return order.to_wfp(address)


class Examined:
    """A detector of the simulator's addresses, with a clock that advances whenever it is read."""

    def __init__(self, library: Library, fixed: Ipv6Order | None = None, own: Any = OWN) -> None:
        ticks = count()
        self.library = library
        self.own = own
        self.detector = Ipv6OrderDetector(
            fixed,
            own_addresses=lambda: self.own,
            now=lambda: START + timedelta(seconds=next(ticks)),
        )

    def refresh(self, incarnation: int = 1) -> Ipv6OrderState:
        order = self.detector.order()
        self.detector.start(incarnation, order)
        with Session(self.library) as session:
            for array in SaContexts(session, ipv6_order=order).arrays():
                with array:
                    for index in range(len(array)):
                        self.detector.observe(array.read(index))
        self.detector.conclude()
        return self.detector.state


@pytest.mark.parametrize("order", list(Ipv6Order))
def test_three_addresses_of_this_host_decide(
    library: Library, simulator: Simulator, order: Ipv6Order
) -> None:
    examined = Examined(library)
    for number, address in enumerate(OWN[:3], 1):
        assert examined.refresh().reason is Ipv6OrderReason.TOO_LITTLE_EVIDENCE
        assert examined.detector.order() is NETWORK
        put_context(simulator, stored(address, order))
        put_context(simulator, stored(address, order))  # the same address proves nothing more
        assert sum(examined.detector.state.host_addresses) == number - 1

    state = examined.refresh()

    assert (state.order, state.reason) == (order, Ipv6OrderReason.EVIDENCE)
    assert state.host_addresses == (Evidence(3, 0) if order is NETWORK else Evidence(0, 3))
    assert state.filter_conditions == Evidence()
    assert state.since > START


@pytest.mark.parametrize("order", list(Ipv6Order))
@pytest.mark.parametrize("prefix", [None, 32, 64, 128])
def test_three_addresses_in_filters_decide(
    library: Library, simulator: Simulator, order: Ipv6Order, prefix: int | None
) -> None:
    for peer in PEERS[:3]:
        put_context(simulator, bytes(16), stored(peer, order), condition=peer, prefix=prefix)

    state = Examined(library).refresh()

    assert (state.order, state.reason) == (order, Ipv6OrderReason.EVIDENCE)
    assert sum(state.filter_conditions) == 3


@pytest.mark.parametrize(
    ("field", "is_local", "is_remote"),
    [
        (LOCAL_ADDRESS, True, False),
        (LOCAL_ADDRESS_V6, True, False),
        (REMOTE_ADDRESS, False, True),
        (REMOTE_ADDRESS_V6, False, True),
        (SOURCE_ADDRESS, False, False),
    ],
)
def test_addresses_are_compared_only_with_conditions_on_their_end(
    library: Library, simulator: Simulator, field: UUID, is_local: bool, is_remote: bool
) -> None:
    """A peer could choose an address whose reverse matches a condition on the local end."""
    for local, remote in zip(OWN, PEERS, strict=True):
        for condition in (local, remote):
            put_context(
                simulator, local[::-1], remote[::-1], condition=condition, prefix=48, field=field
            )

    state = Examined(library, own=[]).refresh()

    assert state.filter_conditions == Evidence(0, 5 * (is_local + is_remote))


@pytest.mark.parametrize(("others", "seen"), [(MAX_CONDITIONS - 1, 5), (MAX_CONDITIONS, 0)])
def test_only_the_first_conditions_of_a_filter_are_examined(
    library: Library, simulator: Simulator, others: int, seen: int
) -> None:
    for peer in PEERS:
        put_context(simulator, bytes(16), peer, condition=peer, others=others)

    assert Examined(library).refresh().filter_conditions == Evidence(seen, 0)


def test_only_the_first_filters_of_each_refresh_are_examined(
    library: Library, simulator: Simulator
) -> None:
    for _ in range(MAX_FILTERS - 1):
        put_context(simulator, bytes(16))  # without a filter
        put_context(simulator, bytes(16), condition=bytes(16))
    for peer in PEERS[:2]:
        put_context(simulator, OWN[0], peer, condition=peer)
    examined = Examined(library)

    for _ in range(2):
        state = examined.refresh()

        assert (state.host_addresses, state.filter_conditions) == (Evidence(1), Evidence(1))


def test_host_and_filters_add_up_and_one_address_counts_once(
    library: Library, simulator: Simulator
) -> None:
    for own in OWN[:2]:
        put_context(simulator, own[::-1], condition=own, field=LOCAL_ADDRESS)
    examined = Examined(library)
    assert examined.refresh().reason is Ipv6OrderReason.TOO_LITTLE_EVIDENCE
    put_context(simulator, bytes(16), PEERS[0][::-1], condition=PEERS[0])

    state = examined.refresh()

    assert state.order is REVERSED
    assert (state.host_addresses, state.filter_conditions) == (Evidence(0, 2), Evidence(0, 3))


def test_what_fits_both_orders_or_neither_is_no_evidence(
    library: Library, simulator: Simulator
) -> None:
    for number in range(5):
        palindrome = bytes([number, *PALINDROME[1:-1], number])
        put_context(simulator, palindrome, condition=palindrome, field=LOCAL_ADDRESS)
        put_context(simulator, PEERS[number])  # remote, and of no filter
        short = PEERS[number][::-1]
        put_context(simulator, bytes(16), short, condition=PEERS[number], prefix=31)
        put_context(simulator, bytes(16), short, condition=PEERS[number], match_type=1)
        put_context(simulator, bytes(16), short, condition=PEERS[number], is_tunnel=True)

    state = Examined(library, own=[PALINDROME, *OWN]).refresh()

    assert state.reason is Ipv6OrderReason.TOO_LITTLE_EVIDENCE
    assert (state.host_addresses, state.filter_conditions) == (Evidence(), Evidence())


@pytest.mark.parametrize("odd", [NETWORK, REVERSED])
def test_evidence_for_both_orders_leaves_network_order(
    library: Library, simulator: Simulator, odd: Ipv6Order
) -> None:
    other = REVERSED if odd is NETWORK else NETWORK
    put_context(simulator, stored(OWN[0], odd))
    for own in OWN[1:]:
        put_context(simulator, stored(own, other))
    examined = Examined(library)

    state = examined.refresh()

    assert (state.order, state.reason) == (NETWORK, Ipv6OrderReason.CONTRADICTORY_EVIDENCE)
    assert sorted(state.host_addresses) == [1, 4]
    assert examined.refresh().since == state.since


def test_one_address_can_contradict_itself(library: Library, simulator: Simulator) -> None:
    for condition in (PEERS[0], PEERS[0][::-1]):
        put_context(simulator, bytes(16), PEERS[0], condition=condition)
    for peer in PEERS[1:]:
        put_context(simulator, bytes(16), peer, condition=peer)

    state = Examined(library).refresh()

    assert state.filter_conditions == Evidence(5, 1)
    assert state.reason is Ipv6OrderReason.CONTRADICTORY_EVIDENCE


@pytest.mark.parametrize("order", list(Ipv6Order))
def test_a_setting_needs_no_evidence(
    library: Library, simulator: Simulator, order: Ipv6Order
) -> None:
    for own in OWN:
        put_context(simulator, own[::-1] if order is NETWORK else own)

    state = Examined(library, order).refresh()

    assert state == Ipv6OrderState(order, Ipv6OrderReason.SETTING, START)


def test_a_decision_holds_until_a_new_session_decides_otherwise(
    library: Library, simulator: Simulator
) -> None:
    for own in OWN[:3]:
        put_context(simulator, own[::-1])
    examined = Examined(library)
    decided = examined.refresh()
    for own in OWN:
        put_context(simulator, own)
    assert examined.refresh() == decided  # settled: nothing is collected any more

    simulator.reset()
    for own in OWN[:2]:
        put_context(simulator, own)
    assert examined.refresh(2) == decided
    put_context(simulator, OWN[2])
    state = examined.refresh(2)

    assert (state.order, state.host_addresses) == (NETWORK, Evidence(3, 0))
    assert state.since > decided.since


def test_addresses_that_this_host_gets_later_count(library: Library, simulator: Simulator) -> None:
    for own in OWN[:3]:
        put_context(simulator, own[::-1])
    examined = Examined(library, own=[])
    assert examined.refresh().order is NETWORK
    examined.own = OWN
    examined.detector.start(1, NETWORK)  # a refresh in which no context has changed
    examined.detector.conclude()

    assert examined.detector.order() is REVERSED


@given(seed=st.integers(0, 1000), order=st.sampled_from(Ipv6Order))
def test_a_population_is_read_in_its_own_order(
    library: Library, simulator: Simulator, seed: int, order: Ipv6Order
) -> None:
    simulator.populate(200, seed)
    simulator.set_option(Option.REVERSED_IPV6, order is REVERSED)
    try:
        state = Examined(library, own=[]).refresh()
    finally:
        simulator.set_option(Option.REVERSED_IPV6, 0)

    assert state.order is order
    assert state.reason is Ipv6OrderReason.EVIDENCE
    assert sum(state.filter_conditions) >= MIN_AGREEING


def test_this_hosts_addresses_are_found() -> None:
    assert LOOPBACK in host_ipv6_addresses()
    assert {len(address) for address in host_ipv6_addresses()} == {16}


def test_linux_lists_this_hosts_addresses(tmp_path: Path) -> None:
    table = tmp_path / "if_inet6"
    table.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fe80000000000000021122fffe334455 02 40 20 80     eth0\n",
        "ascii",
    )

    link_local = IPv6Address("fe80::211:22ff:fe33:4455").packed
    assert linux_addresses(table) == [LOOPBACK, link_local]

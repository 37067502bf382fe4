"""Crowds: what the simulator adds is what their names say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sa_contexts_simulator import Crowd, Simulator

from bindings.engine import Engine
from bindings.library import Library
from bindings.net_events import enumerate_net_events
from bindings.records import SaContext
from bindings.session import Session


COUNT = 30


def contexts(library: Path) -> list[SaContext]:
    with Engine(Library(library)) as engine:
        return [context for page in engine.pages() for context in page]


def remote(context: SaContext) -> bytes | None:
    sa = context.outbound_sa or context.inbound_sa
    assert sa is not None
    return sa.traffic.remote_address


def user(context: SaContext) -> str | None:
    assert context.outbound_sa is not None
    identity = context.outbound_sa.sa_bundle.ipsec_id
    return identity and identity.em_target_name


def added(simulator: Simulator, library: Path, crowd: Crowd) -> list[SaContext]:
    simulator.populate(0, 7)
    assert simulator.add_crowd(crowd, COUNT - 1) == COUNT - 1
    assert simulator.add_crowd(crowd) == 1
    found = contexts(library)
    assert len(found) == (0 if crowd is Crowd.SPOOFED else COUNT)
    return found


def test_a_storm_is_the_same_sa_again_and_again(simulator: Simulator, library: Path) -> None:
    found = added(simulator, library, Crowd.STORM)

    alike = set()
    for context in found:
        sa = context.outbound_sa
        assert sa is not None
        suites = tuple(each[1:] for each in sa.sa_bundle.sa_list)
        alike.add((remote(context), sa.sa_bundle.mm_sa_id, suites, sa.sa_bundle.pfs_group))
    assert len(alike) == 1
    spis = {
        sa.spi for each in found if each.outbound_sa for sa in each.outbound_sa.sa_bundle.sa_list
    }
    assert len(spis) >= COUNT


def test_clients_behind_a_nat_share_an_address(simulator: Simulator, library: Path) -> None:
    found = added(simulator, library, Crowd.NAT)

    assert len({remote(context) for context in found}) == 1
    assert len({user(context) for context in found} - {None}) == COUNT
    assert all(context.outbound_sa and context.outbound_sa.udp_encapsulation for context in found)


def test_half_open_peers_have_no_outbound_sa(simulator: Simulator, library: Path) -> None:
    found = added(simulator, library, Crowd.HALF_OPEN)

    assert all(context.inbound_sa and not context.outbound_sa for context in found)
    assert len({remote(context) for context in found}) == COUNT


def test_users_have_an_address_and_a_name_each(simulator: Simulator, library: Path) -> None:
    found = added(simulator, library, Crowd.USERS)

    assert len({remote(context) for context in found}) == COUNT
    assert len({user(context) for context in found} - {None}) == COUNT


def test_spoofed_peers_only_fail(simulator: Simulator, library: Path) -> None:
    added(simulator, library, Crowd.SPOOFED)

    with Session(Library(library)) as session:
        events = enumerate_net_events(session)
    assert Counter(event.type for event in events) == {0: COUNT}
    assert len({event.remote_address for event in events} - {None}) == COUNT


def test_crowds_are_the_same_for_the_same_seed(simulator: Simulator, library: Path) -> None:
    runs = []
    for seed in (1, 1, 2):
        simulator.reset()
        simulator.populate(10, seed)
        for crowd in (Crowd.USERS, Crowd.STORM):
            simulator.add_crowd(crowd, 5)
        runs.append(contexts(library))

    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("crowd", [0, 6, 2**32 - 1])
def test_there_is_no_other_crowd(simulator: Simulator, crowd: int) -> None:
    assert simulator.add_crowd(crowd, 5) == 0  # type: ignore[arg-type]  # a number that is none
    assert simulator.count() == 0

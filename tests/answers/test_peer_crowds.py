"""Peers of the simulator's crowds: each is shown as what it is, and costs no other its place."""

from __future__ import annotations

from typing import Any

import pytest
from sa_contexts_simulator import Crowd, Simulator
from starlette.testclient import TestClient

from app.answers.peers.failures import MAX_UNKNOWN
from tests.conftest import Serve


STORM = 150


@pytest.fixture
def host(serve: Serve) -> TestClient:
    return serve(contexts=0, max_net_events=10_000)


def peers(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/peers?maxAge=0&limit=1000{query}").json()["items"]
    return items


def findings(client: TestClient, peer: dict[str, Any]) -> str:
    detail = client.get(f"/peers/{peer['address']}").json()
    return " ".join(each["finding"] for each in detail["diagnosis"])


def test_a_storm_is_one_peer_with_too_many_contexts(host: TestClient, simulator: Simulator) -> None:
    for _ in range(STORM):
        simulator.add_crowd(Crowd.STORM)
    (peer,) = peers(host)

    assert (peer["saContexts"], peer["completeSaContexts"]) == (STORM, STORM)
    assert len(peer["protections"]) == 1
    assert f"{STORM} SA contexts for" in findings(host, peer)
    detail = host.get(f"/peers/{peer['address']}").json()
    assert len(detail["saContextItems"]) == 100
    simulator.add_crowd(Crowd.STORM)
    simulator.flush()
    (more,) = peers(host)
    assert more["saContexts"] == STORM + 1
    assert more["lastChange"] is not None


def test_clients_behind_a_nat_are_told_apart(host: TestClient, simulator: Simulator) -> None:
    simulator.add_crowd(Crowd.NAT, 40)
    (peer,) = peers(host)

    assert (peer["saContexts"], peer["natClients"]) == (40, 40)
    assert len(peer["principalNames"]) == 10
    assert peer["principalNameCount"] >= 40
    assert "40 clients share this address behind a NAT." in findings(host, peer)
    clients = host.get(f"/peers/{peer['address']}").json()["natClientItems"]
    assert len({each["principalName"] for each in clients}) == 40


def test_half_open_peers_are_partial(host: TestClient, simulator: Simulator) -> None:
    simulator.add_crowd(Crowd.HALF_OPEN, 5)
    found = peers(host)

    assert [peer["state"] for peer in found] == ["partial"] * 5
    assert "No SA context" in findings(host, found[0])


def test_a_user_is_found_by_name(host: TestClient, simulator: Simulator) -> None:
    simulator.add_crowd(Crowd.USERS, 30)
    everyone = peers(host)
    (name,) = [name for name in everyone[4]["principalNames"] if "\\user" in name]
    found = peers(host, f"&principalName={name.upper()}")

    assert len(everyone) == 30
    assert [peer["address"] for peer in found] == [everyone[4]["address"]]
    assert peers(host, f"&principalName={name[:-2]}*")


def test_spoofed_peers_never_cost_a_peer_with_sas_its_place(
    host: TestClient, simulator: Simulator
) -> None:
    simulator.add_crowd(Crowd.USERS, 20)
    users = {peer["address"] for peer in peers(host)}
    for _ in range(15):
        simulator.add_crowd(Crowd.SPOOFED, 100)
        simulator.flush()
        host.get("/peers?limit=1")
    total = [
        peer for query in ("&state=protected", "&state=failing") for peer in peers(host, query)
    ]

    failing = [peer for peer in total if peer["state"] == "failing"]
    assert len(failing) == MAX_UNKNOWN
    assert {peer["address"] for peer in total} >= users
    assert all(not peer["saContexts"] for peer in failing)

"""Peers that the settings expect by name: where they are expected, and how that shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.peers.aggregate import Peers, by_peer
from app.answers.peers.expected import names_by_peer
from app.repository.snapshot.model import Change, ChangeKind, Item
from app.resources.sa_contexts.description import packed_names_of
from app.resources.sa_contexts.index import index_key, remote_addresses
from app.resources.wfp.indexed_names import NameKind, names_in
from app.schemas.names import Baseline
from app.settings.model import Settings
from tests.answers.any_peers import NAMES, sa_contexts
from tests.answers.example_host import USER, context_of_user
from tests.conftest import Serve


NOW = datetime(2026, 11, 29, tzinfo=UTC)
EXPECTED_NAME = NAMES[0]


def key_of(context: Any) -> bytes:
    return index_key(context, Baseline.NIST_SP_800_77R1)


def has_name(key: bytes) -> bool:
    names = names_in(packed_names_of(key), NameKind.PRINCIPAL)
    return EXPECTED_NAME.casefold() in {name.casefold() for name in names}


@given(st.data())
def test_a_name_is_expected_where_it_is_or_was_last(data: st.DataObject) -> None:
    peers = Peers(names=[EXPECTED_NAME.upper()])
    keys: dict[int, bytes] = {}
    before: set[bytes] = set()
    for _ in range(data.draw(st.integers(1, 15))):
        number = data.draw(st.integers(1, 4))
        context = data.draw(st.none() | sa_contexts(number))
        old = keys.pop(number, None)
        item = None
        if context is not None:
            keys[number] = key_of(context)
            item = Item(keys[number], b"{}")
        kind: ChangeKind = "deleted" if item is None else "added" if old is None else "modified"
        if item is not None or old is not None:
            peers.apply_contexts([Change(kind, number, item, old)], NOW)

        present = {peer for key in keys.values() for peer in remote_addresses(key)}
        holders = {peer for key in keys.values() if has_name(key) for peer in remote_addresses(key)}
        found = {*peers.expected}
        there = (before | holders) & present
        if there or not before:
            assert found == there
        else:
            assert len(found) == 1
            assert found <= before
        assert all(peers.expected.names(peer) == [EXPECTED_NAME.upper()] for peer in found)
        before = found

    counted = Peers(names=[EXPECTED_NAME])
    contexts = by_peer(keys.items(), remote_addresses)
    named = names_by_peer(contexts, packed_names_of, counted.expected)
    asyncio.run(counted.replace_contexts(contexts, NOW, named))
    assert {*counted.expected} == {
        peer for key in keys.values() if has_name(key) for peer in remote_addresses(key)
    }


def peer_at(client: TestClient, address: str) -> dict[str, Any] | None:
    items: list[dict[str, Any]] = client.get("/peers?maxAge=0&limit=1000").json()["items"]
    return next((peer for peer in items if peer["address"] == address), None)


def test_a_name_without_sas_is_down_where_it_was_last(serve: Serve, simulator: Simulator) -> None:
    old, new = "198.51.100.20", "203.0.113.88"
    client = serve(contexts=3, expected_peers=f"192.0.2.99,{USER.upper()}")
    assert peer_at(client, old) is None

    context = context_of_user(old)
    number = simulator.put(context.address)
    simulator.flush()
    peer = peer_at(client, old)
    assert peer is not None
    assert (peer["state"], peer["isExpected"]) == ("protected", True)

    simulator.delete(number)
    simulator.flush()
    peer = peer_at(client, old)
    assert peer is not None
    assert (peer["state"], peer["isExpected"]) == ("down", True)
    assert peer["principalNames"] == [USER.upper()]
    query = "/peers?state=down&principalName=user05*"
    assert [each["address"] for each in client.get(query).json()["items"]] == [old]

    context = context_of_user(new)
    simulator.put(context.address)
    simulator.flush()
    assert peer_at(client, old) is None
    peer = peer_at(client, new)
    assert peer is not None
    assert peer["isExpected"]


@pytest.mark.parametrize("text", ["192.0.2.999", "10.0.0.0/8", "2001:db8::1::2", "fe80::/10"])
def test_what_looks_like_an_address_is_no_name(text: str) -> None:
    with pytest.raises(ValidationError, match="should be an address or a principal name"):
        Settings.model_validate({"expected_peers": text})


def test_addresses_and_names_may_be_mixed() -> None:
    settings = Settings.model_validate(
        {"expected_peers": r"2001:DB8::1, CORP\bob,cafe.de,user05@corp.example"}
    )

    names = (r"CORP\bob", "cafe.de", "user05@corp.example")
    assert settings.expected_peers == (ip_address("2001:db8::1"), *names)


def test_names_in_a_list_may_have_commas() -> None:
    settings = Settings.model_validate({"expected_peers": ["CN=web01, O=Corp", "192.0.2.1"]})

    assert settings.expected_peers == ("CN=web01, O=Corp", ip_address("192.0.2.1"))

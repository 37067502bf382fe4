"""The running counts of peers equal a recount, after any sequence of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from app.answers.peers import aggregate
from app.answers.peers.aggregate import Peers, by_peer
from app.answers.peers.failures import Failure
from app.answers.peers.parts import (
    ContextPart,
    nat_client_of,
    number_of,
    peer_of_number,
    peers_of_ike_sa,
)
from app.answers.peers.store import PeerStore, Sources
from app.answers.peers.traffic import Sample
from app.repository.changes.journal import Position
from app.repository.limits import StoreLimits
from app.repository.snapshot.model import Change, Item
from app.resources.ike_sas.encoding import render_ike_sa
from app.resources.ike_sas.kind import index_key as ike_index_key
from app.resources.sa_contexts.encoding import render_sa_context
from app.resources.sa_contexts.index import index_key, remote_addresses
from app.resources.wfp.addresses import address_text
from app.schemas.names import Baseline, PeerState
from tests.answers.any_peers import ADDRESSES, ike_sas, sa_contexts
from tests.answers.recount import recount


HOUR = timedelta(hours=1)
SPOOFED = [f"203.0.113.{last}" for last in range(1, 6)]
EXPECTED = (ADDRESSES[0], "192.0.2.99")


def key_of(address: str) -> bytes:
    return ip_address(address).packed


async def nothing_to_refresh(_max_age: float) -> Sources:
    raise AssertionError


class Host(RuleBasedStateMachine):
    """A host whose objects change in any way, beside the peers that follow it."""

    ids = st.integers(1, 12)

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = datetime(2026, 11, 29, tzinfo=UTC)
        self.peers = Peers(map(key_of, EXPECTED))
        self.stores = {
            sees: PeerStore(
                self.peers,
                nothing_to_refresh,
                StoreLimits(),
                sees_failures=sees,
                clock=lambda: 0.0,
            )
            for sees in (False, True)
        }
        self.contexts: dict[int, Any] = {}
        self.ike_sas: dict[int, Any] = {}
        self.failed: dict[str, datetime] = {}
        self.changed: dict[str, datetime] = {}
        self.mirrors: dict[bool, dict[int, bytes]] = {False: {}, True: {}}
        self.publish()

    def teardown(self) -> None:
        self.runner.close()

    def keys(self) -> dict[int, bytes]:
        baseline = Baseline.NIST_SP_800_77R1
        return {number: index_key(each, baseline) for number, each in self.contexts.items()}

    def ike_keys(self) -> dict[int, bytes]:
        return {number: ike_index_key(each) for number, each in self.ike_sas.items()}

    def note(self, *keys: bytes | None, peers_of: Any) -> None:
        for key in keys:
            for peer in () if key is None else peers_of(key):
                self.changed[address_text(peer) or ""] = self.now

    def change(self, before: Mapping[int, bytes], after: Mapping[int, bytes]) -> list[Change]:
        return [
            Change(
                "deleted" if number not in after else "modified" if number in before else "added",
                number,
                Item(after[number], b"{}") if number in after else None,
                before.get(number),
            )
            for number in before.keys() | after.keys()
            if before.get(number) != after.get(number)
        ]

    @rule(data=st.data(), numbers=st.sets(ids, min_size=1, max_size=6))
    def change_contexts(self, data: st.DataObject, numbers: set[int]) -> None:
        """Add, modify and delete contexts in one revision."""
        before = self.keys()
        for number in numbers:
            new = data.draw(st.none() | sa_contexts(number))
            if new is None:
                self.contexts.pop(number, None)
            else:
                self.contexts[number] = new
        after = self.keys()
        changes = self.change(before, after)
        self.peers.apply_contexts(changes, self.now)
        for number in {change.object_id for change in changes}:
            self.note(before.get(number), after.get(number), peers_of=remote_addresses)

    @rule(data=st.data(), number=ids)
    def change_ike_sa(self, data: st.DataObject, number: int) -> None:
        before = self.ike_keys()
        new = data.draw(st.none() | ike_sas(number))
        self.ike_sas = (
            {**self.ike_sas, number: new}
            if new
            else {each: sa for each, sa in self.ike_sas.items() if each != number}
        )
        after = self.ike_keys()
        changes = self.change(before, after)
        self.peers.apply_ike_sas(changes, self.now)
        if changes:
            self.note(before.get(number), after.get(number), peers_of=peers_of_ike_sa)

    @rule(data=st.data(), numbers=st.sets(ids, max_size=6))
    def restart(self, data: st.DataObject, numbers: set[int]) -> None:
        """Lose all objects and count those that there are then."""
        before, ike_before = self.keys(), self.ike_keys()
        self.contexts = {number: data.draw(sa_contexts(number)) for number in numbers}
        self.ike_sas = {}
        after = self.keys()
        contexts = by_peer(after.items(), remote_addresses)
        self.runner.run(self.peers.replace_contexts(contexts, self.now))
        self.runner.run(self.peers.replace_ike_sas({}, self.now))
        for change in self.change(before, after):
            number = change.object_id
            self.note(before.get(number), after.get(number), peers_of=remote_addresses)
        self.note(*ike_before.values(), peers_of=peers_of_ike_sa)

    @rule(
        address=st.sampled_from([*ADDRESSES, *EXPECTED, *SPOOFED]),
        code=st.sampled_from([13801, 13868]),
        is_fatal=st.booleans(),
    )
    def fail(self, address: str, code: int, is_fatal: bool) -> None:
        failure = Failure(code, None, self.now, is_fatal)
        self.peers.add_failure(key_of(address), failure)
        if is_fatal:
            self.failed[address] = self.now

    @rule(minutes=st.sampled_from([1, 20, 61]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def publish(self) -> None:
        self.peers.expire_failures(self.now)
        changed = self.peers.take_changed()
        for each in self.stores.values():
            each.mark(changed)
        sources = Sources(self.now, 0.0, Sample(), {})
        for sees, each in self.stores.items():
            revision = each.revision
            self.runner.run(each.publish(sources))
            self.compare(each, sees)
            self.follow(each, sees, revision)

    def compare(self, published: PeerStore, sees: bool) -> None:
        """Compare what is published with a recount."""
        failing = {a for a, at in self.failed.items() if self.now - at <= HOUR} if sees else set()
        expected = recount(
            map(render_sa_context, self.contexts.values()),
            map(render_ike_sa, self.ike_sas.values()),
            expected=EXPECTED,
            failing=failing,
        )
        snapshot = published.current
        assert snapshot is not None
        shown = {}
        for position in range(len(snapshot.ids)):
            peer = orjson.loads(snapshot.texts.items[position].json)
            last_change = peer.pop("lastChange")
            peer["weaknesses"] = {*peer["weaknesses"]}
            shown[peer["address"]] = peer
            if peer["saContexts"] or peer["ikeSas"]:
                assert datetime.fromisoformat(last_change) == self.changed[peer["address"]]
            assert peer_of_number(snapshot.ids[position]) == key_of(peer["address"])
        assert shown == expected
        assert published.counts == {
            state: sum(peer["state"] == state for peer in expected.values()) for state in PeerState
        }
        assert [*snapshot.ids] == sorted(map(number_of, map(key_of, expected)))

    def follow(self, published: PeerStore, sees: bool, revision: int) -> None:
        """Apply the journal to a mirror, which then equals the snapshot."""
        mirror, snapshot = self.mirrors[sees], published.current
        assert snapshot is not None
        if not revision:
            mirror.update(
                zip(snapshot.ids, (item.json for item in snapshot.texts.items), strict=True)
            )
        revisions = published.journal.changes_after(
            snapshot.epoch, Position(revision or published.revision)
        )
        assert revisions is not None
        assert len(revisions) == (published.revision - revision if revision else 0)
        for _, changes, _ in revisions:
            for kind, number, item, *_ in changes:
                assert (number in mirror) is (kind != "added")
                if item is None:
                    del mirror[number]
                else:
                    assert mirror.get(number) != item.json
                    mirror[number] = item.json
        assert mirror == {
            number: item.json
            for number, item in zip(snapshot.ids, snapshot.texts.items, strict=True)
        }


@pytest.mark.parametrize("many", [0, 64])
def test_running_counts_equal_a_recount(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "MANY", many)
    run_state_machine_as_test(Host, settings=settings(max_examples=60, stateful_step_count=30))


@pytest.mark.parametrize(
    ("parts", "clients"),
    [
        ([(4500, 1, ("alice",)), (4500, 2, ("alice",))], 1),  # main mode was rekeyed
        ([(4500, 1, ()), (4500, 2, ())], 2),
        ([(4500, 1, ()), (4500, 1, ())], 1),
        ([(4500, 1, ("host/a", "alice")), (4500, 1, ("host/a", "bob"))], 2),
        ([(4500, 1, ("alice",)), (1024, 1, ("alice",))], 2),
        ([(0, 1, ("alice",)), (0, 2, ("bob",))], 0),  # no NAT
    ],
)
def test_clients_differ_by_port_and_name_or_main_mode(
    parts: list[tuple[int, int, tuple[str, ...]]], clients: int
) -> None:
    found = {
        nat_client_of(ContextPart((0, 0), port, main_mode, names))
        for port, main_mode, names in parts
    }

    assert len(found - {None}) == clients

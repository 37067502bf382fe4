"""How peers follow the stores and the failures, also while nobody asks for them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import get_ident
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.answers.peers import aggregate, item, part
from app.answers.peers import store as peer_store
from app.answers.peers.aggregate import MANY, Peer, Peers
from app.answers.peers.failures import (
    EXPIRY_SECONDS,
    MAX_UNKNOWN,
    RECENT,
    Failure,
    PeerFailures,
    RecentFailures,
)
from app.answers.peers.follower import Follower
from app.answers.peers.item import PeerNumbers, numbers_of
from app.answers.peers.part import PeersPart
from app.answers.peers.parts import ContextPart
from app.answers.peers.snapshot import PeerSnapshot
from app.answers.peers.store import MAX_SORTED, SLICE, PeerStore, Sources
from app.answers.peers.traffic import Sample
from app.repository.changes.journal import Journal
from app.repository.limits import StoreLimits
from app.repository.snapshot.model import Change, Item
from app.repository.store import Store
from app.resources.connections.kind import ConnectionKind
from app.resources.ike_sas.kind import IkeSaKind
from app.resources.net_events.collector import NetEventCollector
from app.resources.sa_contexts.kind import SaContextKind
from app.settings.model import Settings


SPOOFED = 2500
NOW = datetime.now(UTC)


class Idle(Exception):
    """Raised instead of waiting for further events."""


class SpoofedEvents:
    """Net events, each of another address, as a collector without a session keeps them."""

    buffer = SimpleNamespace(epoch="a")

    def __init__(self) -> None:
        self.notifier = self
        self.buffer.after = lambda after, limit: [
            SimpleNamespace(number=number, time=NOW, remote_address=number.to_bytes(4))
            for number in range(after.number + 1, min(after.number + limit, SPOOFED) + 1)
        ]

    async def wait(self, _waiter: object) -> None:
        raise Idle


def test_nothing_accumulates_while_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Failure(13801, None, NOW, is_fatal=True)
    monkeypatch.setattr(part, "reported_failure", lambda _event, _now: failure)
    runtime, defaults = SimpleNamespace(store=None), dict[str, Any]()
    parts: dict[Any, Any] = dict.fromkeys((SaContextKind, IkeSaKind, ConnectionKind), runtime)
    parts[NetEventCollector] = SpoofedEvents()
    foundation: Any = SimpleNamespace(
        settings=Settings(**defaults), capacity=SimpleNamespace(filtering=None)
    )
    peers = PeersPart(foundation, parts)

    with pytest.raises(Idle):
        asyncio.run(peers._follow_failures())  # noqa: SLF001  # one of its tasks

    assert len(peers.peers.failures.unknown) == MAX_UNKNOWN
    assert not peers.peers.changed


class RestartedMeanwhile:
    """A store whose engine restarts while its changes are applied; nothing but what is used."""

    def __init__(self) -> None:
        self.journal = Journal(100, 1000)
        self.current = SimpleNamespace(epoch="a", revision=1, ids=[], index_keys=[])
        self.journal.restart("a", 1)
        self.applied = 0

    def journal_covers(self, _snapshot: Any) -> bool:
        return True

    def apply(self, _changes: Any, _time: datetime) -> None:
        self.applied += 1
        self.journal.restart("b", 1)
        self.journal.record(2, (Change("deleted", 7, None, None),), datetime.now(UTC))
        self.current = SimpleNamespace(epoch="b", revision=2, ids=[], index_keys=[])


def test_a_new_epoch_is_counted_again() -> None:
    store, recounts = RestartedMeanwhile(), list[str]()

    async def replace(*_: object) -> None:
        recounts.append(store.journal.epoch)

    async def follow() -> None:
        follower = Follower(cast(Store, store), lambda _key: (), store.apply, replace, lambda _: [])
        await follower.catch_up()
        store.journal.record(2, (Change("deleted", 7, None, None),), datetime.now(UTC))
        await follower.catch_up()

    asyncio.run(follow())

    assert store.applied == 1
    assert recounts == ["a", "b"]


def test_a_cancelled_publication_is_made_up_for() -> None:
    peers = Peers(number.to_bytes(4) for number in range(1, 2 * SLICE))
    sources = Sources(NOW, 0.0, Sample(), {})

    async def refresh(_max_age: float) -> Sources:
        return sources

    store = PeerStore(peers, refresh, StoreLimits(), sees_failures=False)
    store.mark(peers.take_changed())

    async def publish() -> PeerSnapshot:
        task = asyncio.ensure_future(store.publish(sources))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert store.current is None
        return await store.publish(sources)

    assert len(asyncio.run(publish()).ids) == 2 * SLICE - 1


MANY_PEERS = 20_000


def one_context_each(first: int) -> dict[bytes, dict[int, bytes]]:
    """The contexts of many peers, by address: one each."""
    return {number.to_bytes(4): {number: b"key"} for number in range(first, first + MANY_PEERS)}


@pytest.mark.parametrize("replace", [Peers.replace_contexts, Peers.replace_ike_sas])
def test_a_restart_replaces_peers_in_slices(replace: Any) -> None:
    peers, counts = Peers(), list[int]()

    async def watch() -> None:
        while True:
            counts.append(len(peers.changed))
            await asyncio.sleep(0)

    async def restart() -> None:
        await replace(peers, one_context_each(0), None)
        peers.take_changed()
        watcher = asyncio.ensure_future(watch())
        await asyncio.sleep(0)
        await replace(peers, one_context_each(MANY_PEERS), NOW)
        counts.append(len(peers.changed))
        watcher.cancel()

    asyncio.run(restart())

    steps = [after - before for before, after in pairwise(counts)]
    assert (counts[0], counts[-1]) == (0, 2 * MANY_PEERS)
    assert max(steps) <= aggregate.SLICE
    assert peers.keys() == one_context_each(MANY_PEERS).keys()


def test_a_restart_that_is_cancelled_is_made_up_for() -> None:
    peers = Peers()

    async def restart() -> None:
        await peers.replace_contexts(one_context_each(0), None)
        task = asyncio.ensure_future(peers.replace_contexts(one_context_each(MANY_PEERS // 2), NOW))
        for _ in range(MANY_PEERS // aggregate.SLICE):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert {*peers.keys()} != {*one_context_each(MANY_PEERS // 2)}
        await peers.replace_contexts(one_context_each(MANY_PEERS // 2), NOW)

    asyncio.run(restart())

    assert peers.keys() == one_context_each(MANY_PEERS // 2).keys()


@pytest.mark.parametrize(("count", "is_in_a_thread"), [(MAX_SORTED, False), (2 * MAX_SORTED, True)])
def test_many_changed_peers_are_sorted_in_a_thread(
    monkeypatch: pytest.MonkeyPatch, count: int, *, is_in_a_thread: bool
) -> None:
    peers, threads = Peers(number.to_bytes(4) for number in range(count)), list[bool]()

    def spy(keys: Any) -> Any:
        threads.append(get_ident() != main)
        return in_order(keys)

    main, in_order = get_ident(), peer_store._in_order  # noqa: SLF001  # what is watched
    monkeypatch.setattr(peer_store, "_in_order", spy)
    store = PeerStore(peers, cast(Any, None), StoreLimits(), sees_failures=False)
    store.mark(peers.take_changed())

    snapshot = asyncio.run(store.publish(Sources(NOW, 0.0, Sample(), {})))

    assert len(snapshot.ids) == count
    assert [*snapshot.ids] == sorted(snapshot.ids)
    assert threads == [is_in_a_thread]


def test_without_connections_the_content_stays_the_same() -> None:
    peers = Peers([bytes(4)])

    async def refresh(_max_age: float) -> Sources:
        return Sources(NOW, 0.0, Sample(), {})

    store = PeerStore(peers, refresh, StoreLimits(), sees_failures=True)
    store.mark(peers.take_changed())

    async def content() -> int:
        return (await store.snapshot_at_most(0)).content_revision

    assert [asyncio.run(content()) for _ in range(3)] == [1, 1, 1]


def test_failures_are_seldom_searched_for_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    failures, searched = RecentFailures(), list[datetime]()
    failures.add(bytes(4), Failure(13801, None, NOW, is_fatal=True), is_known=True)
    without_old = PeerFailures.without_old

    def spy(self: PeerFailures, now: datetime) -> PeerFailures | None:
        searched.append(now)
        return without_old(self, now)

    monkeypatch.setattr(PeerFailures, "without_old", spy)
    later = NOW + RECENT + timedelta(seconds=1)
    times = [*[NOW] * 9, later - timedelta(seconds=2), later]

    assert [failures.expire(now) for now in times] == [[]] * 11
    assert len(searched) == 2
    assert failures.expire(later + timedelta(seconds=EXPIRY_SECONDS)) == [bytes(4)]


def test_a_crowd_behind_a_nat_is_counted_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set[int]()
    suite = SimpleNamespace(protection=("ESP gcm_aes_256",), weakness=(), key_module=())

    def spy(peer: Peer) -> PeerNumbers:
        threads.add(get_ident())
        return numbers_of(peer)

    monkeypatch.setattr(item, "numbers_of", spy)
    monkeypatch.setattr(
        aggregate, "part_of_context", lambda key: ContextPart((0,), key[0], 0, (f"host/{key[0]}",))
    )
    monkeypatch.setattr(aggregate, "remote_addresses", lambda _key: (bytes(4),))
    monkeypatch.setattr(item, "SUITES", [suite])
    peers = Peers()
    changes = [
        Change("added", number, Item(bytes((number,)), b"{}"), None)
        for number in range(1, 2 * MANY)
    ]
    peers.apply_contexts(changes, NOW)
    store = PeerStore(peers, cast(Any, None), StoreLimits(), sees_failures=False)
    store.mark(peers.take_changed())

    shown = asyncio.run(store.publish(Sources(NOW, 0.0, Sample(), {}))).blocks[0]

    assert b'"natClients":%d,' % (2 * MANY - 1) in shown
    assert threads
    assert get_ident() not in threads

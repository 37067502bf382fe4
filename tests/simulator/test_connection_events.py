"""Subscribers are notified of connections that begin and end, with the connection itself."""

import ctypes
import sys
import threading
from ctypes import byref
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .connections import (
    PRESHARED_KEY,
    ConnectionCallback,
    PresharedKey,
    Subscription,
    all_of,
    subscribe,
    subscribed,
)
from .test_connections import CANARY, CONNECTIONS_DISABLED, described, tree_between
from .wfp import (
    HANDLES_MISMATCH,
    INVALID_HANDLE,
    NULL_REF_POINTER,
    POSSIBLE_DEADLOCK,
    SERVER_UNAVAILABLE,
    SUCCESS,
    Callback,
    Wfp,
    blob_bytes,
    pointer,
)


ADD, DELETE = 0, 1


class Subscriber:
    """Records its notifications, copied while they are valid."""

    def __init__(self) -> None:
        self.received: list[tuple[int, int]] = []
        self.described: dict[int, Any] = {}
        self.keys: list[bytes] = []
        self.contexts: set[int | None] = set()
        self.addresses: list[int] = []
        self.threads: set[int] = set()
        self.callback = ConnectionCallback(self._receive)

    def _receive(self, context: int | None, event: int, connection: Any) -> None:
        one = connection.contents
        self.received.append((event, one.connectionId))
        self.described[one.connectionId] = described(one)
        if one.mmPeer.method == PRESHARED_KEY:
            self.keys.append(blob_bytes(PresharedKey.from_address(one.mmPeer.arm).key))
        self.contexts.add(context)
        self.addresses.append(ctypes.addressof(one))
        self.threads.add(threading.get_native_id())


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber()


def replay(ids: set[int], received: list[tuple[int, int]]) -> set[int]:
    """Apply events, each of which must be possible, and return the remaining ids."""
    for event, connection_id in received:
        assert (connection_id in ids) == (event == DELETE)
        ids ^= {connection_id}
    return ids


def test_what_begins_and_ends_is_announced_with_what_it_is(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.populate(100, seed=1)
    before = set(simulator.connections())
    with subscribed(wfp, subscriber.callback, context=77):
        simulator.churn(2000)
        assert simulator.flush()

    assert replay(before, subscriber.received) == set(simulator.connections())
    assert len(subscriber.received) > 100
    assert subscriber.contexts == {77}
    assert threading.get_native_id() not in subscriber.threads
    assert subscriber.keys
    assert {key[: len(CANARY)] for key in subscriber.keys} == {CANARY}
    with all_of(wfp, flags=0) as connections:
        told_of = [c for c in connections if c.connectionId in subscriber.described]
        assert len(told_of) > 10
        assert all(described(c) == subscriber.described[c.connectionId] for c in told_of)


def test_a_population_replaces_one_aloud(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.populate(20)
    before = simulator.connections()
    with subscribed(wfp, subscriber.callback):
        simulator.populate(30, 1)
        assert simulator.flush()
    with all_of(wfp, flags=0) as connections:
        assert all(described(c) == subscriber.described[c.connectionId] for c in connections)

    assert subscriber.received == [
        *((DELETE, each) for each in before),
        *((ADD, each) for each in simulator.connections()),
    ]


def test_a_replaced_context_keeps_its_connection(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    tree = tree_between(1, 2)
    with subscribed(wfp, subscriber.callback):
        tree.saContextId = simulator.put(ctypes.addressof(tree))
        simulator.put(ctypes.addressof(tree))
        (one,) = simulator.connections()
        other = tree_between(3, 4)
        other.saContextId = tree.saContextId
        simulator.put(ctypes.addressof(other))
        (two,) = simulator.connections()
        assert simulator.flush()

    assert subscriber.received == [(ADD, one), (ADD, two), (DELETE, one)]


def test_a_template_selects_one(simulator: Simulator, wfp: Wfp, subscriber: Subscriber) -> None:
    simulator.populate(20)
    one = simulator.connections()[3]
    with subscribed(wfp, subscriber.callback, connection_id=one):
        simulator.populate(0)
        assert simulator.flush()

    assert subscriber.received == [(DELETE, one)]


def test_nothing_is_announced_without_monitoring(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback):
        simulator.monitor_connections(is_on=False)
        simulator.populate(20)
        assert simulator.flush()
        assert subscriber.received == []
        simulator.monitor_connections(is_on=True)
        simulator.populate(0)
        assert simulator.flush()
        assert {event for event, _ in subscriber.received} == {DELETE}


def test_an_engine_without_monitoring_refuses_or_says_nothing(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.monitor_connections(is_on=False)
    handle, what = pointer(), Subscription()
    with wfp.session() as engine:
        arguments = engine, byref(what), subscriber.callback, None, byref(handle)
        assert wfp.code("FwpmConnectionSubscribe0", *arguments) == CONNECTIONS_DISABLED
        simulator.set_option(Option.UNMONITORED_IS_EMPTY)
        assert wfp.code("FwpmConnectionSubscribe0", *arguments) == SUCCESS
        assert simulator.open_subscriptions() == 1
        wfp.call("FwpmConnectionUnsubscribe0", engine, handle)


@pytest.mark.skipif(sys.platform != "linux", reason="knows how glibc treats freed memory")
def test_what_was_reported_is_poisoned_when_the_callback_returned(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback):
        tree = tree_between(1, 2)
        simulator.put(ctypes.addressof(tree))
        assert simulator.flush()
        # The allocator writes its own to the first bytes of what is freed.
        assert ctypes.string_at(subscriber.addresses[0] + 64, 64) == b"\xdd" * 64


def test_mistakes_are_refused_and_counted(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    handle, what = pointer(), Subscription()
    of_contexts = Callback(lambda _context, _change: None)
    with wfp.session() as engine, wfp.session() as other:
        callback = subscriber.callback
        codes = [
            wfp.code("FwpmConnectionSubscribe0", engine, None, callback, None, byref(handle)),
            wfp.code("FwpmConnectionSubscribe0", engine, byref(what), None, None, byref(handle)),
            wfp.code("FwpmConnectionSubscribe0", engine, byref(what), callback, None, None),
        ]
        assert codes == [NULL_REF_POINTER] * 3
        mine = subscribe(wfp, engine, callback)
        foreign = wfp.subscribe(engine, of_contexts)
        codes = [
            wfp.code("FwpmConnectionUnsubscribe0", other, mine),
            wfp.code("FwpmConnectionUnsubscribe0", engine, foreign),
            wfp.code("IPsecSaContextUnsubscribe0", engine, mine),
        ]
        assert codes == [HANDLES_MISMATCH, INVALID_HANDLE, INVALID_HANDLE]
        wfp.unsubscribe(engine, foreign)
        wfp.call("FwpmConnectionUnsubscribe0", engine, mine)
        assert wfp.code("FwpmConnectionUnsubscribe0", engine, mine) == INVALID_HANDLE

    assert simulator.misuses() == 7
    assert simulator.open_handles() == 0


def test_a_callback_cannot_unsubscribe_itself(simulator: Simulator, wfp: Wfp) -> None:
    codes = []
    with wfp.session() as engine:

        def receive(_context: int | None, _event: int, _connection: Any) -> None:
            codes.append(wfp.code("FwpmConnectionUnsubscribe0", engine, handle))

        callback = ConnectionCallback(receive)
        handle = subscribe(wfp, engine, callback)
        tree = tree_between(1, 2)
        simulator.put(ctypes.addressof(tree))
        assert simulator.flush()
        wfp.call("FwpmConnectionUnsubscribe0", engine, handle)

    assert codes == [POSSIBLE_DEADLOCK]


def test_subscriptions_end_with_the_engine_and_failures_are_reported(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.fail("FwpmConnectionUnsubscribe0", 1726)
    with wfp.session() as engine:
        handle = subscribe(wfp, engine, subscriber.callback)
        assert wfp.code("FwpmConnectionUnsubscribe0", engine, handle) == 1726
        assert simulator.open_subscriptions() == 0
        handle = subscribe(wfp, engine, subscriber.callback)
        simulator.stop_engine()
        assert simulator.open_subscriptions() == 0
        assert wfp.code("FwpmConnectionUnsubscribe0", engine, handle) == SERVER_UNAVAILABLE
        simulator.start_engine()

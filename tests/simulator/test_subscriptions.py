"""Subscribers are notified of additions and deletions, from the library's own threads."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .wfp import (
    ADD,
    DELETE,
    HANDLES_MISMATCH,
    INVALID_HANDLE,
    NOT_FOUND,
    NULL_REF_POINTER,
    POSSIBLE_DEADLOCK,
    SERVER_UNAVAILABLE,
    SESSION_ABORTED,
    SUCCESS,
    TIMEOUT,
    TYPE_MISMATCH,
    Callback,
    Context,
    Subscription,
    Template,
    V4AddrAndMask,
    Wfp,
    WfpError,
    pointer,
)


PATIENCE = 20
"""Timeout for what should happen at once."""

CAPACITY = 262_144
"""How many notifications may wait, as sa_simulator.h says."""


class Subscriber:
    """Records its notifications."""

    def __init__(self) -> None:
        self.received: list[tuple[int, int]] = []
        self.contexts: set[int | None] = set()
        self.threads: set[int] = set()
        self.callback = Callback(self._receive)

    def _receive(self, context: int | None, change: Any) -> None:
        self.received.append((change.contents.changeType, change.contents.saContextId))
        self.contexts.add(context)
        self.threads.add(threading.get_native_id())

    def added(self) -> list[int]:
        return [context_id for change, context_id in self.received if change == ADD]


class Gate:
    """A callback that waits until it may return."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.may_return = threading.Event()
        self.order: list[str] = []
        self.callback = Callback(self._receive)

    def _receive(self, _context: int | None, _change: Any) -> None:
        self.entered.set()
        self.may_return.wait(PATIENCE)
        self.order.append("callback")


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber()


@pytest.fixture
def gate(simulator: Simulator) -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.may_return.set()
    simulator.reset()


@contextmanager
def subscribed(
    wfp: Wfp, callback: Any, context: int | None = None, template: Template | None = None
) -> Iterator[int]:
    with wfp.session() as engine:
        handle = wfp.subscribe(engine, callback, context, template)
        yield engine
        wfp.unsubscribe(engine, handle)


def put(simulator: Simulator, context_id: int = 0) -> int:
    tree = Context(context_id)
    return simulator.put(ctypes.addressof(tree))


def remote_v4(address: int, mask: int) -> tuple[Template, V4AddrAndMask]:
    net = V4AddrAndMask(address, mask)
    template = Template()
    template.remoteSubNet.type = 256
    template.remoteSubNet.pointer = ctypes.addressof(net)
    return template, net


def replay(ids: set[int], received: list[tuple[int, int]]) -> set[int]:
    """Apply changes, each of which must be possible, and return the remaining ids."""
    for change, context_id in received:
        assert (context_id in ids) == (change == DELETE)
        ids ^= {context_id}
    return ids


def test_put_and_delete_are_announced_in_their_order_and_a_replacement_is_not(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback, context=77):
        first, second = put(simulator), put(simulator, 2**63)
        put(simulator, first)
        simulator.delete(first)
        simulator.delete(first)
        put(simulator, first)
        assert simulator.flush()

    assert subscriber.received == [(ADD, first), (ADD, second), (DELETE, first), (ADD, first)]
    assert subscriber.contexts == {77}
    assert simulator.delivered() == 4


def test_a_population_replaces_one_aloud(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.populate(20)
    before = simulator.ids()
    with subscribed(wfp, subscriber.callback):
        simulator.populate(30, 1)
        assert simulator.flush()

    assert subscriber.received == [
        *((DELETE, context_id) for context_id in before),
        *((ADD, context_id) for context_id in simulator.ids()),
    ]


def test_what_churn_adds_and_deletes_is_announced(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.populate(200)
    before = set(simulator.ids())
    with subscribed(wfp, subscriber.callback):
        simulator.churn(2000)
        assert simulator.flush()

    assert replay(before, subscriber.received) == set(simulator.ids())
    assert 400 < len(subscriber.received) < 2000  # the others were modifications


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_context_is_announced_before_its_sas_are_attached_or_after(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber, is_complete: bool
) -> None:
    simulator.populate(50)
    simulator.set_option(Option.ANNOUNCE_COMPLETE, is_complete)
    seen = []
    with subscribed(wfp, subscriber.callback) as engine:
        for _ in range(400):
            announced = len(subscriber.received)
            simulator.churn(1)
            assert simulator.flush()
            for change, context_id in subscriber.received[announced:]:
                if change == ADD:
                    with wfp.get(engine, context_id) as context:
                        seen.append(bool(context.inboundSa) and bool(context.outboundSa))

    assert set(seen) == ({True} if is_complete else {True, False})
    assert len(subscriber.added()) == len(set(subscriber.added()))


def test_template_selects_as_an_enumerations_does(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    template, _net = remote_v4(0x0A000000, 0xFF000000)
    everything = Subscriber()
    with (
        subscribed(wfp, subscriber.callback, template=template),
        subscribed(wfp, everything.callback, template=Template()),
    ):
        simulator.populate(300)
        assert simulator.flush()
        expected = wfp.ids(template=template)
        simulator.populate(0)
        assert simulator.flush()

    assert subscriber.received == [
        *((ADD, context_id) for context_id in expected),
        *((DELETE, context_id) for context_id in expected),
    ]
    assert 0 < len(expected) < 300
    assert len(everything.received) == 600


def test_callbacks_come_from_a_thread_of_the_librarys(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback):
        for _ in range(20):
            put(simulator)
        assert simulator.flush()

    assert len(subscriber.threads) == 1
    assert threading.get_native_id() not in subscriber.threads


def test_several_threads_deliver_at_once(simulator: Simulator, wfp: Wfp) -> None:
    all_here = threading.Barrier(3)
    threads = set()

    def receive(_context: int | None, _change: Any) -> None:
        all_here.wait(PATIENCE)
        threads.add(threading.get_native_id())

    callback = Callback(receive)
    simulator.deliver_from(3)
    with subscribed(wfp, callback):
        for _ in range(3):
            put(simulator)
        assert simulator.flush()
    simulator.deliver_from(1)

    assert len(threads) == 3
    for count in (0, 9):
        with pytest.raises(ValueError, match="threads"):
            simulator.deliver_from(count)


def test_threads_can_be_changed_while_somebody_is_subscribed(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback):
        for threads in (4, 1, 8, 2):
            simulator.deliver_from(threads)
            put(simulator)
        assert simulator.flush()

    assert sorted(subscriber.added()) == simulator.ids()


def test_callback_may_call_back(simulator: Simulator, wfp: Wfp) -> None:
    """Nothing is locked while it is called."""
    codes: list[int] = []

    def receive(_context: int | None, change: Any) -> None:
        memory = pointer()
        codes.append(
            wfp.code("IPsecSaContextGetById1", engine, change.contents.saContextId, byref(memory))
        )
        wfp.free(memory)
        codes.append(simulator.count())

    callback = Callback(receive)
    with subscribed(wfp, callback) as engine:
        context_id = put(simulator)
        assert simulator.flush()
        simulator.delete(context_id)
        assert simulator.flush()

    assert codes == [SUCCESS, 1, NOT_FOUND, 0]


def test_notifications_are_lost_on_demand(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback):
        simulator.lose(2)
        ids = [put(simulator) for _ in range(5)]
        assert simulator.flush()

    assert subscriber.added() == ids[2:]
    assert (simulator.lost(), simulator.delivered()) == (2, 3)


def test_notifications_are_lost_at_a_rate_and_by_a_seed(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    runs = []
    with subscribed(wfp, subscriber.callback):
        for seed in (1, 1, 2):
            simulator.lose_randomly(300_000, seed)
            before = len(subscriber.received)
            for number in range(1000):
                simulator.announce(ADD, number)
            assert simulator.flush()
            runs.append(subscriber.received[before:])
        simulator.lose_randomly(0)
        simulator.announce(ADD, 5)
        assert simulator.flush()

    assert runs[0] == runs[1] != runs[2]
    assert 600 < len(runs[0]) < 800
    assert subscriber.received[-1] == (ADD, 5)


def test_delayed_notifications_come_later_but_come(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with subscribed(wfp, subscriber.callback):
        simulator.delay_notifications(3_600_000)
        put(simulator)
        assert not simulator.flush(20)
        assert (simulator.delivered(), simulator.lost()) == (0, 0)
    assert simulator.flush()  # unsubscribed: nobody is left to notify
    simulator.delay_notifications(20)
    with subscribed(wfp, subscriber.callback):
        second = put(simulator)
        assert simulator.flush()

    assert subscriber.received == [(ADD, second)]


def test_any_change_can_be_announced_by_hand(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    template, _net = remote_v4(0x0A000000, 0xFF000000)
    with subscribed(wfp, subscriber.callback, template=template):
        simulator.announce(DELETE, 2**64 - 1)
        simulator.announce(0xFFFFFFFF, 0)
        assert simulator.flush()

    assert subscriber.received == [(DELETE, 2**64 - 1), (0xFFFFFFFF, 0)]
    assert simulator.count() == 0


def test_queue_is_bounded(simulator: Simulator, wfp: Wfp, gate: Gate) -> None:
    with wfp.session() as engine:
        wfp.subscribe(engine, gate.callback)
        simulator.announce(ADD, 1)
        assert gate.entered.wait(PATIENCE)
        simulator.populate(CAPACITY + 10)

        assert simulator.lost() == 10


def test_unsubscribing_waits_for_the_callback_under_way(
    simulator: Simulator, wfp: Wfp, gate: Gate
) -> None:
    with wfp.session() as engine:
        handle = wfp.subscribe(engine, gate.callback)
        put(simulator)
        put(simulator)
        assert gate.entered.wait(PATIENCE)

        def unsubscribe() -> None:
            wfp.unsubscribe(engine, handle)
            gate.order.append("unsubscribed")

        thread = threading.Thread(target=unsubscribe)
        thread.start()
        while simulator.open_subscriptions():  # until it is in the call
            pass
        gate.may_return.set()
        thread.join(PATIENCE)

    assert gate.order == ["callback", "unsubscribed"]  # the second one was not called back
    assert simulator.delivered() == 1
    assert simulator.misuses() == 0


def test_callback_cannot_unsubscribe_itself_but_others(simulator: Simulator, wfp: Wfp) -> None:
    codes: list[int] = []

    def receive(_context: int | None, _change: Any) -> None:
        codes.extend(wfp.code("IPsecSaContextUnsubscribe0", engine, each) for each in (mine, other))

    callback = Callback(receive)
    with wfp.session() as engine:
        mine, other = wfp.subscribe(engine, callback), wfp.subscribe(engine, callback)
        simulator.announce(ADD, 1)
        assert simulator.flush()
        assert simulator.open_subscriptions() == 1
        wfp.unsubscribe(engine, mine)

    assert codes == [POSSIBLE_DEADLOCK, SUCCESS]
    assert simulator.misuses() == 1


def test_closing_the_session_cancels_its_subscriptions(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    other = Subscriber()
    with subscribed(wfp, other.callback):
        engine = wfp.open()
        handle = wfp.subscribe(engine, subscriber.callback)
        assert (simulator.open_subscriptions(), simulator.open_handles()) == (2, 4)
        wfp.close(engine)
        assert simulator.open_subscriptions() == 1
        context_id = put(simulator)
        assert simulator.flush()

    assert (subscriber.received, other.received) == ([], [(ADD, context_id)])
    assert simulator.misuses() == 0
    with wfp.session() as engine:
        assert wfp.code("IPsecSaContextUnsubscribe0", engine, handle) == INVALID_HANDLE


def test_stopped_engine_cancels_all_and_says_nothing(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    simulator.populate(10)
    old = wfp.open()
    handle = wfp.subscribe(old, subscriber.callback)

    simulator.stop_engine()
    stopped = wfp.code("IPsecSaContextUnsubscribe0", old, handle)
    simulator.start_engine()
    started = wfp.code("IPsecSaContextUnsubscribe0", old, handle)
    simulator.populate(10)
    assert simulator.flush()

    assert (stopped, started) == (SERVER_UNAVAILABLE, SESSION_ABORTED)
    assert (subscriber.received, simulator.open_subscriptions()) == ([], 0)
    wfp.close(old)
    with subscribed(wfp, subscriber.callback):
        context_id = put(simulator)
        assert simulator.flush()
    assert subscriber.received == [(ADD, context_id)]
    assert simulator.misuses() == 0


def test_null_is_refused_where_there_may_be_none(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    handle, everything = pointer(), Subscription()
    name = "IPsecSaContextSubscribe0"
    with wfp.session() as engine:
        codes = [
            wfp.code(name, engine, None, subscriber.callback, None, byref(handle)),
            wfp.code(name, engine, byref(everything), None, None, byref(handle)),
            wfp.code(name, engine, byref(everything), subscriber.callback, None, None),
        ]
        assert codes == [NULL_REF_POINTER] * 3
        assert (
            wfp.code(name, None, byref(everything), subscriber.callback, None, byref(handle)) == 6
        )
        assert (simulator.misuses(), simulator.open_subscriptions()) == (4, 0)

        assert wfp.code("IPsecSaContextUnsubscribe0", engine, None) == SUCCESS
        assert simulator.misuses() == 4


def test_closed_guessed_and_foreign_handles_are_refused(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    name = "IPsecSaContextUnsubscribe0"
    with wfp.session() as owner, wfp.session() as other:
        handle, enumeration = wfp.subscribe(owner, subscriber.callback), wfp.create(owner)
        codes = [
            wfp.code(name, other, handle),
            wfp.code(name, owner, handle ^ 2**40),
            wfp.code(name, owner, enumeration),
            wfp.code("IPsecSaContextDestroyEnumHandle0", owner, handle),
            wfp.code(name, owner, handle),
            wfp.code(name, owner, handle),
        ]
        wfp.destroy(owner, enumeration)

    assert codes == [
        HANDLES_MISMATCH,
        INVALID_HANDLE,
        INVALID_HANDLE,
        INVALID_HANDLE,
        SUCCESS,
        INVALID_HANDLE,
    ]
    assert simulator.misuses() == 5


def test_bad_templates_are_refused(simulator: Simulator, wfp: Wfp, subscriber: Subscriber) -> None:
    template = Template()
    template.localSubNet.type = 1
    with wfp.session() as engine, pytest.raises(WfpError) as caught:
        wfp.subscribe(engine, subscriber.callback, template=template)

    assert caught.value.code == TYPE_MISMATCH
    assert simulator.open_handles() == 0


def test_failing_calls_leave_nothing(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    with wfp.session() as engine:
        simulator.fail("IPsecSaContextSubscribe0", TIMEOUT)
        with pytest.raises(WfpError):
            wfp.subscribe(engine, subscriber.callback)
        assert simulator.open_subscriptions() == 0

        handle = wfp.subscribe(engine, subscriber.callback)
        simulator.fail("IPsecSaContextUnsubscribe0", TIMEOUT)
        assert wfp.code("IPsecSaContextUnsubscribe0", engine, handle) == TIMEOUT
        assert simulator.open_subscriptions() == 0
        put(simulator)
        assert simulator.flush()

    assert subscriber.received == []


def test_reset_forgets_subscriptions_and_pending_notifications(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    engine = wfp.open()
    handle = wfp.subscribe(engine, subscriber.callback)
    simulator.delay_notifications(3_600_000)
    put(simulator)

    simulator.reset()

    assert simulator.flush()
    assert simulator.open_handles() == 0
    assert wfp.code("IPsecSaContextUnsubscribe0", engine, handle) == INVALID_HANDLE
    assert wfp.code("FwpmEngineClose0", engine) == INVALID_HANDLE
    assert (simulator.delivered(), simulator.lost(), simulator.misuses()) == (0, 0, 0)
    assert subscriber.received == []


@pytest.mark.skipif(sys.platform != "linux", reason="counts the threads of Linux")
def test_threads_do_not_pile_up_and_end(
    simulator: Simulator, wfp: Wfp, subscriber: Subscriber
) -> None:
    def threads() -> set[str]:
        return {path.name for path in Path("/proc/self/task").iterdir()}

    before = threads()
    for _ in range(50):
        with subscribed(wfp, subscriber.callback):
            put(simulator)
            assert len(threads() - before) == 1

    simulator.reset()

    assert threads() <= before

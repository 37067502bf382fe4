"""Subscribers receive net events in the requested generation, and at a rate."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from ctypes import CFUNCTYPE, Structure, byref
from typing import ClassVar

import pytest
from sa_contexts_simulator import Simulator

from .test_net_events import TYPE_AT, Template, read
from .wfp import (
    INVALID_HANDLE,
    NET_EVENTS_DISABLED,
    NULL_REF_POINTER,
    SUCCESS,
    Wfp,
    pointer,
    u32,
    u64,
)


PATIENCE = 20
"""Timeout for what should happen at once."""

Callback = CFUNCTYPE(None, pointer, pointer)


class Subscription(Structure):
    """FWPM_NET_EVENT_SUBSCRIPTION0."""

    _fields_: ClassVar = [("enumTemplate", pointer), ("flags", u32), ("sessionKey", u32 * 4)]


class Subscriber:
    """Records the time and type of each event, until there are enough."""

    def __init__(self, wfp: Wfp, engine: int, generation: int = 4, enough: int = 1) -> None:
        self.received: list[tuple[int, int]] = []
        self.has_enough = threading.Event()
        self._type_at = TYPE_AT[generation + 1]
        self._enough = enough
        self.callback = Callback(self._receive)
        self.handle = pointer()
        self._wfp, self._engine = wfp, engine
        wfp.call(
            f"FwpmNetEventSubscribe{generation}",
            engine,
            byref(Subscription()),
            ctypes.cast(self.callback, pointer),
            None,
            byref(self.handle),
        )

    def _receive(self, _context: int | None, event: int | None) -> None:
        assert event is not None
        type_ = u32.from_address(event + self._type_at).value
        self.received.append((u64.from_address(event).value, type_))
        if len(self.received) >= self._enough:
            self.has_enough.set()

    def unsubscribe(self) -> int:
        return self._wfp.code("FwpmNetEventUnsubscribe0", self._engine, self.handle)


@pytest.fixture
def engine(simulator: Simulator, wfp: Wfp) -> Iterator[int]:
    with wfp.session() as engine:
        yield engine
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


@pytest.mark.parametrize("generation", range(5))
def test_subscribers_receive_what_is_noted(
    simulator: Simulator, wfp: Wfp, engine: int, generation: int
) -> None:
    subscriber = Subscriber(wfp, engine, generation, enough=30)
    simulator.net_events(30, seed=3)

    assert subscriber.has_enough.wait(PATIENCE)
    assert subscriber.unsubscribe() == SUCCESS
    assert subscriber.received == read(wfp)


def test_nobody_is_notified_after_it_unsubscribed(
    simulator: Simulator, wfp: Wfp, engine: int
) -> None:
    gone, stays = Subscriber(wfp, engine), Subscriber(wfp, engine)
    gone.unsubscribe()
    simulator.net_event(0, 13801)

    assert stays.has_enough.wait(PATIENCE)
    stays.unsubscribe()
    assert gone.received == []
    assert len(stays.received) == 1


def test_a_subscription_ends_with_its_session(simulator: Simulator, wfp: Wfp) -> None:
    with wfp.session() as engine:
        Subscriber(wfp, engine)
        assert simulator.open_handles() == 2

    assert simulator.open_handles() == 0
    assert simulator.net_event(0, 13801)


def test_a_template_limits_the_time(simulator: Simulator, wfp: Wfp, engine: int) -> None:
    past = Template(0, 1)
    subscription = Subscription(ctypes.cast(ctypes.pointer(past), pointer))
    received: list[int | None] = []
    callback = Callback(lambda _context, event: received.append(event))
    handle = pointer()
    where = ctypes.cast(callback, pointer)
    wfp.call("FwpmNetEventSubscribe4", engine, byref(subscription), where, None, byref(handle))
    anything = Subscriber(wfp, engine)
    simulator.net_event(0, 13801)

    assert anything.has_enough.wait(PATIENCE)
    wfp.call("FwpmNetEventUnsubscribe0", engine, handle)
    anything.unsubscribe()
    assert received == []


def test_events_come_at_a_rate_by_themselves(simulator: Simulator, wfp: Wfp) -> None:
    with wfp.session() as engine:
        subscriber = Subscriber(wfp, engine, enough=20)
        simulator.start_net_events(1000, seed=1)
        assert subscriber.has_enough.wait(PATIENCE)
        simulator.stop_net_events()
        subscriber.unsubscribe()
    types = [type_ for _, type_ in subscriber.received[:20]]
    assert len(read(wfp)) >= 20

    simulator.reset()
    simulator.net_events(20, seed=1)
    assert types == [type_ for _, type_ in read(wfp)]


def test_what_is_wrong_is_refused(simulator: Simulator, wfp: Wfp) -> None:
    callback = Callback(lambda _context, _event: None)
    where, handle = ctypes.cast(callback, pointer), pointer()
    subscribe = "FwpmNetEventSubscribe0"
    with wfp.session() as engine:
        codes = [
            wfp.code(subscribe, engine, None, where, None, byref(handle)),
            wfp.code(subscribe, engine, byref(Subscription()), None, None, byref(handle)),
            wfp.code(subscribe, engine, byref(Subscription()), where, None, None),
            wfp.code("FwpmNetEventUnsubscribe0", engine, engine),
        ]
        assert wfp.code("FwpmNetEventUnsubscribe0", engine, None) == SUCCESS
        misuses = simulator.misuses()
        simulator.collect_net_events(False)
        off = wfp.code(subscribe, engine, byref(Subscription()), where, None, byref(handle))

    assert codes == [*[NULL_REF_POINTER] * 3, INVALID_HANDLE]
    assert misuses == 4
    assert off == NET_EVENTS_DISABLED

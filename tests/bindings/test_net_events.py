"""Net events as the bindings read them: against a second reader, and whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Option, Simulator

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.enums import NetEventFlag
from bindings.errors import (
    AccessDenied,
    EngineError,
    EngineGone,
    NetEventsDisabled,
    NotSupported,
)
from bindings.library import Library
from bindings.net_event import KernelDrop, MainModeFailure, NetEvent, read_net_event
from bindings.net_events import enumerate_net_events, subscribe_to_net_events
from bindings.session import Session
from bindings.subscriptions import open_subscriptions

from .net_event_reader import OTHERS, READ, read_event
from .test_second_reader import differences


GENERATIONS = range(6)
PATIENCE = 20
"""Timeout for what should happen at once."""
CANARY = "CANARY-KEY-MATERIAL"


@pytest.fixture
def session(library: Library, simulator: Simulator) -> Iterator[Session]:
    with Session(library) as session:
        yield session
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)
    assert open_subscriptions() == []


def raw_events(session: Session, generation: int) -> Iterator[int]:
    """The address of each event, whose memory is the engine's until the next one."""
    handle, returned = ffi.new("HANDLE *"), ffi.new("UINT32 *")
    session.call("FwpmNetEventCreateEnumHandle0", ffi.NULL, handle)
    with session.result(f"FWPM_NET_EVENT{generation} ***") as entries:
        session.call(f"FwpmNetEventEnum{generation}", handle[0], 1000, entries, returned)
        for i in range(returned[0]):
            yield int(ffi.cast("uintptr_t", entries[0][i]))
    session.call("FwpmNetEventDestroyEnumHandle0", handle[0])


# ---- reading ----


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_both_readers_agree_on_what_the_engine_gives(
    simulator: Simulator, session: Session, seed: int, generation: int
) -> None:
    simulator.populate(50, seed)
    simulator.net_events(100, seed)
    for type_ in (*OTHERS, 11, 2**32 - 1):
        simulator.net_event(type_, 1, seed)

    seen = set()
    for address in raw_events(session, generation):
        ours = read_net_event(address, generation, Ipv6Order.NETWORK)
        theirs = read_event(address, generation)
        assert differences(ours, theirs, "event") == []
        seen.add(ours.type if ours else None)

    assert seen == {*READ, None, 11, 2**32 - 1}


class Memory:
    """An event of any content, and all memory that it is made of."""

    def __init__(self, draw: Any, generation: int) -> None:
        self._draw = draw
        self._parts: list[Any] = []
        event = self._filled(f"FWPM_NET_EVENT{generation}")
        event.type = draw(st.sampled_from([*READ, *OTHERS, 11, 2**32 - 1]))
        event.header.flags = draw(st.integers(0, 2**14 - 1))
        event.header.ipVersion = draw(st.integers(0, 3))
        header = event.header
        header.appId.data = header.userId = self._nowhere()
        self._say(event)
        self.address = int(ffi.cast("uintptr_t", event))

    def _filled(self, ctype: str) -> Any:
        size = ffi.sizeof(ctype)
        part = ffi.new(f"{ctype} *")
        ffi.memmove(part, self._draw(st.binary(min_size=size, max_size=size)), size)
        self._parts.append(part)
        return part

    def _nowhere(self) -> Any:
        """An unmapped address: following it crashes."""
        return ffi.cast("void *", self._draw(st.sampled_from([1, 0xFFF, 2**64 - 1])))

    def _name(self) -> Any:
        if self._draw(st.booleans()):
            return ffi.NULL
        text = self._draw(st.text(max_size=12).map(lambda text: text.replace("\0", "")))
        units = text.encode("utf-16-le") + b"\0\0"
        part = ffi.new("char16_t[]", len(units) // 2)
        ffi.memmove(part, units, len(units))
        self._parts.append(part)
        return part

    def _say(self, event: Any) -> None:
        arms = {0: "ikeMmFailure", 1: "ikeQmFailure", 2: "ikeEmFailure"} | {
            4: "ipsecDrop",
            5: "idpDrop",
        }
        if event.type not in arms:
            event.ikeMmFailure = self._nowhere()
            return
        arm = arms[event.type]
        pointed = ffi.typeof(event).item
        ctype = dict(_arms(pointed))[arm].item.cname
        if self._draw(st.integers(0, 9)) == 0:
            setattr(event, arm, ffi.NULL)
            return
        failure = self._filled(ctype)
        setattr(event, arm, failure)
        fields = {name for name, _ in ffi.typeof(ctype).fields}
        if "localPrincipalNameForAuth" in fields:
            failure.localPrincipalNameForAuth = self._name()
            failure.remotePrincipalNameForAuth = self._name()
            failure.localPrincipalGroupSids = self._nowhere()
            failure.remotePrincipalGroupSids = self._nowhere()
        if "providerContextKey" in fields:
            wanted = self._draw(st.booleans())
            failure.providerContextKey = self._filled("GUID") if wanted else ffi.NULL
        if "endCertHash" in fields and self._draw(st.booleans()):
            failure.endCertHash = bytes(20)
        if "localSubNet" in fields:
            failure.saTrafficType = self._draw(st.sampled_from([0, 1, 1, 2]))
            for subnet in (failure.localSubNet, failure.remoteSubNet):
                self._grow_subnet(subnet, exists=failure.saTrafficType == 1)
        if "ipVersion" in fields:
            failure.ipVersion = self._draw(st.integers(0, 3))

    def _grow_subnet(self, value: Any, *, exists: bool) -> None:
        arms = {256: ("v4AddrMask", "FWP_V4_ADDR_AND_MASK")} | {
            257: ("v6AddrMask", "FWP_V6_ADDR_AND_MASK"),
            11: ("byteArray16", "FWP_BYTE_ARRAY16"),
        }
        value.type = self._draw(st.sampled_from([0, 3, 11, 19, 256, 257, 300]))
        if value.type in arms:
            arm, ctype = arms[value.type]
            wanted = self._draw(st.booleans())
            setattr(value, arm, self._filled(ctype) if wanted else ffi.NULL)
            if not exists:
                value.uint64 = self._nowhere()


def _arms(struct: Any) -> Iterator[tuple[str, Any]]:
    for name, field in struct.fields:
        if name:
            yield name, field.type
        else:
            yield from _arms(field.type)


@settings(max_examples=400)
@given(data=st.data(), generation=st.sampled_from(GENERATIONS))
def test_both_readers_agree_on_any_event(data: st.DataObject, generation: int) -> None:
    memory = Memory(data.draw, generation)

    ours = read_net_event(memory.address, generation, Ipv6Order.NETWORK)

    assert differences(ours, read_event(memory.address, generation), "event") == []


def test_ipv6_addresses_can_be_had_the_other_way_round(
    simulator: Simulator, session: Session
) -> None:
    simulator.populate(50, 1)
    simulator.net_events(100, 1)
    as_they_are = enumerate_net_events(session)
    reversed_ = enumerate_net_events(session, ipv6_order=Ipv6Order.REVERSED)

    v6 = [
        (one.remote_address, other.remote_address)
        for one, other in zip(as_they_are, reversed_, strict=True)
        if one.ip_version == 1 and one.remote_address and other.remote_address
    ]
    assert v6
    assert all(one == other[::-1] for one, other in v6)


def test_the_bits_of_main_and_extended_mode_are_not_taken_for_each_other(
    simulator: Simulator, session: Session
) -> None:
    """`benign` is 1 in main mode and 2 in extended mode (fwpmtypes.h)."""
    simulator.net_events(128, 4)
    flags = {event.type: set[int]() for event in enumerate_net_events(session)}
    for event in enumerate_net_events(session):
        if (bits := getattr(event.failure, "flags", None)) is not None:
            flags[event.type].add(bits)

    assert {0, 1, 2} <= flags[0]
    assert {0} <= flags[2] <= {0, 1, 2, 3}


# ---- enumerating ----


@settings(max_examples=40)
@given(
    count=st.integers(0, 128),
    size=st.integers(1, 140),
    generation=st.sampled_from(GENERATIONS),
    empty_block=st.booleans(),
)
def test_every_event_is_given_once(
    library: Library,
    simulator: Simulator,
    count: int,
    size: int,
    generation: int,
    empty_block: bool,
) -> None:
    simulator.reset()
    simulator.set_option(Option.EMPTY_BLOCK, empty_block)
    for number in range(count):
        simulator.net_event(4, number, number)

    with Session(library) as session:
        events = enumerate_net_events(session, size=size, generation=generation)

    drops = [event.failure for event in events if isinstance(event.failure, KernelDrop)]
    assert [drop.failure_status for drop in drops] == [*range(count)]
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_other_traffic_is_left_out(simulator: Simulator, session: Session) -> None:
    for type_ in (*OTHERS, 0, 77):
        simulator.net_event(type_, 13801)

    assert [event.type for event in enumerate_net_events(session)] == [0, 77]


def test_an_older_generation_is_used_where_the_engine_lacks_the_newer(
    simulator: Simulator, session: Session
) -> None:
    simulator.net_events(100, 1)
    newest = enumerate_net_events(session)
    for generation in (5, 4, 3, 2):
        simulator.fail(f"FwpmNetEventEnum{generation}", 1745, times=0)

    older = enumerate_net_events(session)

    assert [event[:-1] for event in older] == [event[:-1] for event in newest]
    main_modes = [e.failure for e in older if isinstance(e.failure, MainModeFailure)]
    assert any(failure.remote_principal_name for failure in main_modes)
    assert {failure.provider_context_key for failure in main_modes} == {None}
    assert simulator.calls("FwpmNetEventEnum1") == 2


def test_what_no_generation_can_do_is_reported(simulator: Simulator, session: Session) -> None:
    for generation in GENERATIONS:
        simulator.fail(f"FwpmNetEventEnum{generation}", 1745, times=0)
    with pytest.raises(NotSupported):
        enumerate_net_events(session)


def test_disabled_collection_is_reported(simulator: Simulator, session: Session) -> None:
    simulator.collect_net_events(False)
    with pytest.raises(NetEventsDisabled):
        enumerate_net_events(session)
    with pytest.raises(NetEventsDisabled):
        subscribe_to_net_events(session, print)


@pytest.mark.parametrize("function", ["CreateEnumHandle0", "Enum5", "DestroyEnumHandle0"])
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("code", [5, 1722, 1726, 0x80320010, 0x80320012, 8])
def test_a_failure_leaves_nothing(
    simulator: Simulator, session: Session, function: str, after: int, code: int
) -> None:
    simulator.net_events(20)
    simulator.fail(f"FwpmNetEvent{function}", code, after=after)

    with suppress(EngineError):
        enumerate_net_events(session, size=10)
    with suppress(EngineError):
        enumerate_net_events(session, size=10)

    simulator.clear_failures()
    assert len(enumerate_net_events(session)) == 20


def test_errors_say_what_they_mean(simulator: Simulator, session: Session) -> None:
    simulator.fail("FwpmNetEventCreateEnumHandle0", 5)
    with pytest.raises(AccessDenied):
        enumerate_net_events(session)
    simulator.stop_engine()
    with pytest.raises(EngineGone):
        enumerate_net_events(session)


# ---- subscribing ----


def received_by(queue: SimpleQueue[NetEvent], count: int) -> list[NetEvent]:
    return [queue.get(timeout=PATIENCE) for _ in range(count)]


@pytest.mark.parametrize("generation", range(5))
def test_subscribers_receive_what_an_enumeration_gives(
    simulator: Simulator, session: Session, generation: int
) -> None:
    queue: SimpleQueue[NetEvent] = SimpleQueue()
    with subscribe_to_net_events(session, queue.put, generation=generation):
        simulator.populate(20, 1)
        simulator.net_event(3, 0)
        simulator.net_events(50, 1)
        simulator.net_event(77, 0)
        received = received_by(queue, 51)

    assert received == enumerate_net_events(session, generation=generation + 1)
    simulator.net_events(5)
    assert simulator.flush()
    with pytest.raises(Empty):
        queue.get_nowait()


def test_an_older_subscription_is_used_where_the_engine_lacks_the_newer(
    simulator: Simulator, session: Session
) -> None:
    queue: SimpleQueue[NetEvent] = SimpleQueue()
    simulator.fail("FwpmNetEventSubscribe4", 1745)
    simulator.fail("FwpmNetEventSubscribe3", 1745)
    with subscribe_to_net_events(session, queue.put):
        simulator.net_event(0, 13801)
        (received,) = received_by(queue, 1)

    assert isinstance(received.failure, MainModeFailure)
    assert simulator.calls("FwpmNetEventSubscribe2") == 1


def test_what_no_subscription_can_do_is_reported(simulator: Simulator, session: Session) -> None:
    for generation in range(5):
        simulator.fail(f"FwpmNetEventSubscribe{generation}", 1745)
    with pytest.raises(NotSupported):
        subscribe_to_net_events(session, print)


def unread_of(address: int) -> bytes:
    """Return the application of an event, if its header names one."""
    header = ffi.cast("FWPM_NET_EVENT5 *", address).header
    is_set = header.flags & NetEventFlag.APP_ID_SET
    return bytes(ffi.buffer(header.appId.data, header.appId.size)) if is_set else b""


def test_nothing_unread_is_in_a_record(simulator: Simulator, session: Session) -> None:
    queue: SimpleQueue[NetEvent] = SimpleQueue()
    with subscribe_to_net_events(session, queue.put):
        simulator.net_events(100, 3)
        received = received_by(queue, 100)
    assert CANARY.encode() in b"".join(unread_of(address) for address in raw_events(session, 5))
    everything = repr(received) + repr(enumerate_net_events(session))

    assert CANARY not in everything
    assert CANARY.encode().hex() not in everything

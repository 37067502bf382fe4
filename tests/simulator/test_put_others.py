"""Connections and net events that a test puts are returned as they are, their secrets aside."""

import ctypes
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .connections import Certificate, Connection, all_of, create, destroy, get, ids, next_page
from .test_contexts import CANARY
from .test_net_events import CAPACITY, MAIN_MODE, TYPE_AT, page, read
from .test_net_events import create as create_events
from .test_net_events import destroy as destroy_events
from .wfp import V6, Blob, Wfp, blob_bytes, u32, u64


EVENT_BYTES, FAILURE_BYTES = 152, 120
"""FWPM_NET_EVENT5, FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 (fwpmtypes.h)."""
FLAGS_AT, IP_VERSION_AT, LOCAL_ADDRESS_AT, APP_ID_AT, USER_ID_AT, DETAILS_AT = (
    8,
    12,
    20,
    64,
    80,
    144,
)
LOCAL_NAME_AT, LOCAL_SIDS_AT = 64, 88
ALL_FLAGS = 0x3FFF


def connection(connection_id: int, **fields: Any) -> Connection:
    return Connection(connectionId=connection_id, **fields)


def put(simulator: Simulator, tree: Connection) -> int:
    return simulator.put_connection(ctypes.addressof(tree))


@pytest.mark.parametrize("snapshot", [0, 1])
def test_a_connection_is_returned_as_it_was_put(
    simulator: Simulator, wfp: Wfp, snapshot: int
) -> None:
    simulator.set_option(Option.SNAPSHOT_CONTENTS, snapshot)
    content = ctypes.create_string_buffer(b"subject", 7)
    subject = Certificate(subjectName=Blob(7, ctypes.addressof(content)), flags=9)
    tree = connection(2**63 + 5, ipVersion=7, bytesIn=1, bytesOut=2, bytesTotal=5, startHigh=6)
    tree.mmPeer.method, tree.mmPeer.arm = 1, ctypes.addressof(subject)

    assert put(simulator, tree) == 2**63 + 5
    subject.flags = tree.bytesIn = 0

    with all_of(wfp) as (found,), wfp.session() as engine, get(wfp, engine, 2**63 + 5) as got:
        for each in (found, got):
            assert (each.ipVersion, each.startHigh) == (7, 6)
            assert (each.bytesIn, each.bytesOut, each.bytesTotal) == (1, 2, 5)
            certificate = Certificate.from_address(each.mmPeer.arm)
            assert blob_bytes(certificate.subjectName) == b"subject"
            assert certificate.flags == 9


def test_connections_are_returned_by_id_and_replaced(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(30, seed=4)
    derived = simulator.connections()
    for connection_id in (derived[3], 2**64 - 1, 1, 2**40):
        put(simulator, connection(connection_id, ipVersion=9))
    put(simulator, connection(2**40, ipVersion=8))

    expected = sorted({*derived, 1, 2**40, 2**64 - 1})
    assert ids(wfp) == simulator.connections() == expected
    with wfp.session() as engine:
        for connection_id, version in ((derived[3], 9), (2**40, 8)):
            with get(wfp, engine, connection_id) as got:
                assert got.ipVersion == version


def test_a_deleted_connection_is_gone_and_its_contexts_are_not(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(200, seed=4)
    put(simulator, connection(1))
    gone = [1, *simulator.connections()[1::2]]
    left = [each for each in simulator.connections() if each not in gone]

    assert all(simulator.delete_connection(each) for each in gone)
    assert not simulator.delete_connection(1)

    assert ids(wfp) == left
    assert simulator.count() == 200
    for context_id in simulator.ids():
        simulator.delete(context_id)
    assert simulator.connections() == []


def test_a_connection_that_was_put_outlives_its_contexts(simulator: Simulator) -> None:
    simulator.populate(50)
    put(simulator, connection(1))
    simulator.churn(500)
    for context_id in simulator.ids():
        simulator.delete(context_id)

    assert simulator.connections() == [1]
    simulator.populate(0)
    assert simulator.connections() == []


@pytest.mark.parametrize("snapshot", [0, 1])
def test_a_connection_may_go_during_an_enumeration(
    simulator: Simulator, wfp: Wfp, snapshot: int
) -> None:
    simulator.set_option(Option.SNAPSHOT_CONTENTS, snapshot)
    for connection_id in (1, 2, 3):
        put(simulator, connection(connection_id))
    with wfp.session() as engine:
        handle = create(wfp, engine)
        simulator.delete_connection(2)
        found = next_page(wfp, engine, handle, 10)
        assert [each.connectionId for each in found.connections] == [1, 3]
        wfp.free(found.entries)
        destroy(wfp, engine, handle)


def test_no_id_and_no_tree_are_refused(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="is 0"):
        put(simulator, connection(0))
    for put_tree in (simulator.put_connection, simulator.put_net_event):
        with pytest.raises(ValueError, match="NULL"):
            put_tree(0)


class Event:
    """A FWPM_NET_EVENT5 with a main mode failure, full of pointers that lead nowhere."""

    def __init__(self, time: int, type_: int = MAIN_MODE) -> None:
        nowhere = (0xBAD0).to_bytes(8, "little")
        self._name = ctypes.create_string_buffer("Jörg".encode("utf-16-le") + b"\0\0")
        self._failure = ctypes.create_string_buffer(nowhere * (FAILURE_BYTES // 8))
        self._event = ctypes.create_string_buffer(nowhere * (EVENT_BYTES // 8))
        failure, self.address = ctypes.addressof(self._failure), ctypes.addressof(self._event)
        for offset in range(LOCAL_NAME_AT, FAILURE_BYTES, 8):
            u64.from_address(failure + offset).value = 0
        u64.from_address(failure + LOCAL_NAME_AT).value = ctypes.addressof(self._name)
        u32.from_address(failure + LOCAL_SIDS_AT - 8).value = 1
        u64.from_address(failure + LOCAL_SIDS_AT).value = 0xBAD0
        u64.from_address(self.address).value = time
        u32.from_address(self.address + FLAGS_AT).value = ALL_FLAGS
        u32.from_address(self.address + TYPE_AT[5]).value = type_
        u64.from_address(self.address + DETAILS_AT).value = failure

    def put(self, simulator: Simulator) -> bool:
        return simulator.put_net_event(self.address)


@pytest.mark.parametrize("generation", range(6))
def test_an_event_is_returned_as_it_was_put(
    simulator: Simulator, wfp: Wfp, generation: int
) -> None:
    event = Event(time=123)
    assert event.put(simulator)
    del event

    with wfp.session() as engine:
        handle = create_events(wfp, engine)
        with page(wfp, engine, handle, generation=generation) as (address,):
            assert u64.from_address(address).value == 123
            assert u32.from_address(address + FLAGS_AT).value == ALL_FLAGS
            assert CANARY.startswith(blob_bytes(Blob.from_address(address + APP_ID_AT))[:19])
            assert u64.from_address(address + USER_ID_AT).value == 0
            details = u64.from_address(address + TYPE_AT[generation] + 8).value
            assert ctypes.string_at(details, 8) == (0xBAD0).to_bytes(8, "little")
            if generation:
                name = u64.from_address(details + LOCAL_NAME_AT).value
                assert ctypes.string_at(name, 8).decode("utf-16-le") == "Jörg"
                assert u64.from_address(details + LOCAL_SIDS_AT).value == 0
        destroy_events(wfp, engine, handle)


def test_all_events_that_were_put_are_kept_before_others(simulator: Simulator, wfp: Wfp) -> None:
    simulator.net_event(MAIN_MODE, 13801)
    for time in range(1, 2 * CAPACITY):
        assert Event(time, type_=77).put(simulator)

    found = read(wfp)

    assert found[:-1] == [(time, 77) for time in range(1, 2 * CAPACITY)]
    assert found[-1][1] == MAIN_MODE


def test_an_event_that_was_put_outlives_the_log_in_an_enumeration(
    simulator: Simulator, wfp: Wfp
) -> None:
    Event(7).put(simulator)
    with wfp.session() as engine:
        handle = create_events(wfp, engine)
        with page(wfp, engine, handle) as (address,):
            assert u64.from_address(address).value == 7
        destroy_events(wfp, engine, handle)
    simulator.stop_engine()
    assert not Event(7).put(simulator)
    simulator.start_engine()

    assert read(wfp) == []


def test_an_event_without_details_stays_without(simulator: Simulator, wfp: Wfp) -> None:
    event = Event(7)
    u64.from_address(event.address + DETAILS_AT).value = 0
    event.put(simulator)

    with wfp.session() as engine:
        handle = create_events(wfp, engine)
        with page(wfp, engine, handle) as (address,):
            assert u64.from_address(address + DETAILS_AT).value == 0
        destroy_events(wfp, engine, handle)


def test_addresses_that_were_put_are_returned_in_the_order_of_the_engine(
    simulator: Simulator, wfp: Wfp
) -> None:
    """The option's order, whenever it was set: trees are put in network order."""
    raw = bytes(range(16))
    tree, event = connection(1, ipVersion=V6), Event(7)
    tree.local.v6[:] = raw
    u32.from_address(event.address + IP_VERSION_AT).value = V6
    ctypes.memmove(event.address + LOCAL_ADDRESS_AT, raw, 16)
    simulator.set_option(Option.REVERSED_IPV6)
    put(simulator, tree)
    event.put(simulator)

    for is_reversed in (1, 0):
        simulator.set_option(Option.REVERSED_IPV6, is_reversed)
        expected = raw[::-1] if is_reversed else raw
        with all_of(wfp) as (found,), wfp.session() as engine:
            assert bytes(found.local.v6) == expected
            handle = create_events(wfp, engine)
            with page(wfp, engine, handle) as (address,):
                assert ctypes.string_at(address + LOCAL_ADDRESS_AT, 16) == expected
            destroy_events(wfp, engine, handle)

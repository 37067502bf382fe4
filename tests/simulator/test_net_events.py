"""Net events: noted by hand or by chance, kept up to a number, read in every generation."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import Structure, byref
from typing import ClassVar

import pytest
from sa_contexts_simulator import Option, Simulator

from .wfp import (
    HANDLES_MISMATCH,
    INVALID_HANDLE,
    INVALID_INTERVAL,
    INVALID_PARAMETER,
    NET_EVENTS_DISABLED,
    NULL_REF_POINTER,
    SUCCESS,
    Wfp,
    pointer,
    u32,
    u64,
)


CAPACITY = 128
MAIN_MODE, CLASSIFY_DROP, KERNEL_DROP = 0, 3, 4
SECONDS_FROM_1601_TO_1970 = 11_644_473_600
TYPE_AT = {0: 88, 1: 144, 2: 104, 3: 136, 4: 136, 5: 136}
"""Where the type of FWPM_NET_EVENT0 to 5 is (fwpmtypes.h, on 64-bit Windows)."""


class Template(Structure):
    """FWPM_NET_EVENT_ENUM_TEMPLATE0."""

    _fields_: ClassVar = [
        ("startTime", u64),
        ("endTime", u64),
        ("numFilterConditions", u32),
        ("filterCondition", pointer),
    ]


def create(wfp: Wfp, engine: int, template: Template | None = None) -> int:
    handle = pointer()
    where = None if template is None else byref(template)
    wfp.call("FwpmNetEventCreateEnumHandle0", engine, where, byref(handle))
    assert handle.value is not None
    return handle.value


def destroy(wfp: Wfp, engine: int, handle: int) -> None:
    wfp.call("FwpmNetEventDestroyEnumHandle0", engine, handle)


@contextmanager
def page(
    wfp: Wfp, engine: int, handle: int, size: int = 1000, generation: int = 5
) -> Iterator[list[int]]:
    """The addresses of the next events, whose memory is freed at the end."""
    entries, count = pointer(), u32()
    name = f"FwpmNetEventEnum{generation}"
    wfp.call(name, engine, handle, size, byref(entries), byref(count))
    array = ctypes.cast(entries, ctypes.POINTER(u64))
    yield [array[i] for i in range(count.value)]
    wfp.free(entries)


def read(wfp: Wfp, generation: int = 5, template: Template | None = None) -> list[tuple[int, int]]:
    """The time and the type of all events."""
    with wfp.session() as engine:
        handle = create(wfp, engine, template)
        with page(wfp, engine, handle, generation=generation) as events:
            found = [
                (u64.from_address(event).value, u32.from_address(event + TYPE_AT[generation]).value)
                for event in events
            ]
        destroy(wfp, engine, handle)
    return found


@pytest.mark.parametrize("generation", range(6))
def test_an_event_is_reported_with_its_time(
    simulator: Simulator, wfp: Wfp, generation: int
) -> None:
    before = time.time()
    assert simulator.net_event(KERNEL_DROP, 0xC0360001)
    after = time.time()

    ((filetime, type_),) = read(wfp, generation)

    assert type_ == KERNEL_DROP
    assert before - 0.1 <= filetime / 1e7 - SECONDS_FROM_1601_TO_1970 <= after + 0.1


def test_events_come_in_the_order_in_which_they_were_noted(simulator: Simulator, wfp: Wfp) -> None:
    types = [0, 1, 2, 3, 4, 5, 10, 11, 2**32 - 1]
    for type_ in types:
        simulator.net_event(type_, 13801, seed=7)

    assert [type_ for _, type_ in read(wfp)] == types


def test_the_oldest_are_forgotten(simulator: Simulator, wfp: Wfp) -> None:
    assert simulator.net_events(300, seed=1) == 300
    kept = read(wfp)
    simulator.net_event(MAIN_MODE, 13806)

    assert len(kept) == CAPACITY
    assert read(wfp)[:-1] == kept[1:]


def test_the_same_seed_gives_the_same_events(simulator: Simulator, wfp: Wfp) -> None:
    runs = []
    for seed in (1, 1, 2):
        simulator.reset()
        simulator.populate(5, seed=9)
        simulator.net_events(50, seed)
        with wfp.session() as engine:
            handle = create(wfp, engine)
            with page(wfp, engine, handle) as events:
                # Its time aside, which is the present: flags, addresses, ports.
                runs.append([ctypes.string_at(event + 8, 48) for event in events])
            destroy(wfp, engine, handle)

    assert runs[0] == runs[1] != runs[2]


def test_an_enumeration_is_a_snapshot(simulator: Simulator, wfp: Wfp) -> None:
    simulator.net_events(10)
    with wfp.session() as engine:
        handle = create(wfp, engine)
        simulator.net_events(10)
        seen = 0
        for expected in (4, 4, 2, 0):
            with page(wfp, engine, handle, 4) as events:
                assert len(events) == expected
                seen += len(events)
        destroy(wfp, engine, handle)

    assert seen == 10
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_nothing_may_be_a_block_to_be_freed(simulator: Simulator, wfp: Wfp) -> None:
    with wfp.session() as engine:
        handle = create(wfp, engine)
        with page(wfp, engine, handle):
            assert simulator.unfreed_blocks() == 0
        simulator.set_option(Option.EMPTY_BLOCK)
        with page(wfp, engine, handle):
            assert simulator.unfreed_blocks() == 1
        destroy(wfp, engine, handle)

    assert simulator.unfreed_blocks() == 0


def test_a_template_limits_the_time(simulator: Simulator, wfp: Wfp) -> None:
    simulator.net_events(20)
    times = [time_ for time_, _ in read(wfp)]
    first, last = times[5], times[9]

    within = read(wfp, template=Template(first, last))

    assert [time_ for time_, _ in within] == [each for each in times if first <= each <= last]
    assert len(read(wfp, template=Template(0, 0))) == 20
    with wfp.session() as engine:
        handle = pointer()
        backwards = Template(last + 1, last)
        code = wfp.code("FwpmNetEventCreateEnumHandle0", engine, byref(backwards), byref(handle))
    assert code == INVALID_INTERVAL


def test_nothing_is_reported_where_nothing_is_collected(simulator: Simulator, wfp: Wfp) -> None:
    simulator.collect_net_events(False)
    assert not simulator.net_event(MAIN_MODE, 13801)
    assert simulator.net_events(5) == 0
    with wfp.session() as engine:
        code = wfp.code("FwpmNetEventCreateEnumHandle0", engine, None, byref(pointer()))
    assert code == NET_EVENTS_DISABLED

    simulator.collect_net_events()
    assert read(wfp) == []


def test_a_stopped_engine_collects_nothing_and_forgets(simulator: Simulator, wfp: Wfp) -> None:
    simulator.net_events(5)
    simulator.stop_engine()
    assert not simulator.net_event(MAIN_MODE, 13801)
    simulator.start_engine()

    assert read(wfp) == []


def test_handles_of_another_kind_or_session_are_refused_and_counted(
    simulator: Simulator, wfp: Wfp
) -> None:
    entries, count = pointer(), u32()
    with wfp.session() as engine, wfp.session() as other:
        contexts, events = wfp.create(engine), create(wfp, engine)
        codes = [
            wfp.code("FwpmNetEventEnum5", engine, contexts, 1, byref(entries), byref(count)),
            wfp.code("IPsecSaContextEnum1", engine, events, 1, byref(entries), byref(count)),
            wfp.code("FwpmNetEventDestroyEnumHandle0", engine, contexts),
            wfp.code("FwpmNetEventEnum0", other, events, 1, byref(entries), byref(count)),
            wfp.code("FwpmNetEventEnum3", engine, events, 1, None, byref(count)),
            wfp.code("FwpmNetEventCreateEnumHandle0", engine, None, None),
            wfp.code("FwpmNetEventEnum5", engine, events, 0, byref(entries), byref(count)),
        ]
        wfp.destroy(engine, contexts)
        destroy(wfp, engine, events)
        codes.append(wfp.code("FwpmNetEventDestroyEnumHandle0", engine, events))

    assert codes == [
        *[INVALID_HANDLE] * 3,
        HANDLES_MISMATCH,
        *[NULL_REF_POINTER] * 2,
        INVALID_PARAMETER,
        INVALID_HANDLE,
    ]
    assert simulator.misuses() == 7


def test_a_session_closed_too_early_releases_its_enumerations(
    simulator: Simulator, wfp: Wfp
) -> None:
    engine = wfp.open()
    create(wfp, engine)
    assert simulator.open_enumerations() == 1
    wfp.close(engine)

    assert (simulator.open_handles(), simulator.misuses()) == (0, 1)


@pytest.mark.parametrize("function", ["CreateEnumHandle0", "Enum5", "DestroyEnumHandle0"])
def test_calls_fail_and_are_counted(simulator: Simulator, wfp: Wfp, function: str) -> None:
    simulator.fail(f"FwpmNetEvent{function}", 1726)
    entries, count, handle = pointer(), u32(), pointer()
    with wfp.session() as engine:
        codes = [wfp.code("FwpmNetEventCreateEnumHandle0", engine, None, byref(handle))]
        if handle.value:
            codes += [
                wfp.code("FwpmNetEventEnum5", engine, handle, 1, byref(entries), byref(count)),
                wfp.code("FwpmNetEventDestroyEnumHandle0", engine, handle),
            ]

    assert 1726 in codes
    assert set(codes) <= {SUCCESS, 1726}
    assert simulator.calls(f"FwpmNetEvent{function}") == 1
    assert simulator.open_handles() == 0

"""Sessions, handles and memory: what is stale, foreign or freed is rejected and counted."""

import ctypes
import sys
from ctypes import byref

import pytest
from sa_contexts_simulator import Simulator

from .wfp import (
    HANDLES_MISMATCH,
    INVALID_HANDLE,
    INVALID_PARAMETER,
    NOT_FOUND,
    NOT_REGISTERED,
    SERVER_UNAVAILABLE,
    SESSION_ABORTED,
    SUCCESS,
    UNKNOWN_AUTHN_SERVICE,
    Wfp,
    pointer,
    u32,
)


def test_open_handles_and_blocks_are_counted(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(3)
    engine = wfp.open()
    handle = wfp.create(engine)
    page = wfp.next(engine, handle, 2)
    assert (simulator.open_sessions(), simulator.open_enumerations()) == (1, 1)
    assert (simulator.open_handles(), simulator.unfreed_blocks()) == (2, 1)

    wfp.free(page.entries)
    assert page.entries.value is None
    wfp.destroy(engine, handle)
    wfp.close(engine)

    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)
    assert simulator.calls("IPsecSaContextEnum1") == 1
    assert simulator.calls() == 6


def test_closed_or_guessed_handles_are_invalid(simulator: Simulator, wfp: Wfp) -> None:
    engine = wfp.open()
    handle = wfp.create(engine)
    entries, count = pointer(), u32()
    wfp.destroy(engine, handle)

    codes = [
        wfp.code("IPsecSaContextDestroyEnumHandle0", engine, handle),
        wfp.code("IPsecSaContextEnum1", engine, handle, 1, byref(entries), byref(count)),
        wfp.code("IPsecSaContextEnum1", engine, engine, 1, byref(entries), byref(count)),
        wfp.code("IPsecSaContextEnum1", engine, None, 1, byref(entries), byref(count)),
        wfp.code("IPsecSaContextGetById1", engine ^ 2**40, 1, byref(entries)),
    ]
    wfp.close(engine)
    codes.append(wfp.code("FwpmEngineClose0", engine))
    codes.append(wfp.code("FwpmEngineClose0", None))

    assert codes == [INVALID_HANDLE] * 7
    assert simulator.misuses() == 7


def test_enumeration_belongs_to_its_session(simulator: Simulator, wfp: Wfp) -> None:
    entries, count = pointer(), u32()
    with wfp.session() as owner, wfp.session() as other:
        handle = wfp.create(owner)
        codes = [
            wfp.code("IPsecSaContextEnum1", other, handle, 1, byref(entries), byref(count)),
            wfp.code("IPsecSaContextDestroyEnumHandle0", other, handle),
        ]
        wfp.destroy(owner, handle)

    assert codes == [HANDLES_MISMATCH] * 2
    assert simulator.misuses() == 2


def test_handles_do_not_come_again(simulator: Simulator, wfp: Wfp) -> None:
    seen = set()
    for _ in range(1000):
        engine = wfp.open()
        seen.add(engine)
        wfp.close(engine)

    assert len(seen) == 1000
    assert simulator.open_handles() == 0


def test_closing_a_session_releases_its_enumerations_and_counts_them(
    simulator: Simulator, wfp: Wfp
) -> None:
    engine = wfp.open()
    wfp.create(engine)
    wfp.create(engine)
    wfp.close(engine)

    assert simulator.open_enumerations() == 0
    assert simulator.misuses() == 2


def test_freeing_twice_or_what_is_not_ours_is_only_counted(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(1)
    mine = ctypes.create_string_buffer(64)
    foreign = pointer(ctypes.addressof(mine))
    wfp.free(foreign)
    assert foreign.value == ctypes.addressof(mine)

    with wfp.session() as engine:
        memory = pointer()
        wfp.call("IPsecSaContextGetById1", engine, simulator.ids()[0], byref(memory))
        inside = pointer((memory.value or 0) + 8)
        again = pointer(memory.value)
        wfp.free(inside)
        wfp.free(memory)
        wfp.free(again)

    assert simulator.misuses() == 3
    assert simulator.unfreed_blocks() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="knows how glibc treats freed memory")
def test_freed_memory_is_poisoned(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(1)
    with wfp.session() as engine:
        memory = pointer()
        wfp.call("IPsecSaContextGetById1", engine, simulator.ids()[0], byref(memory))
        # The allocator writes its own to the first bytes of what is freed.
        details = (memory.value or 0) + 64
        before = ctypes.string_at(details, 128)
        wfp.free(memory)
        after = ctypes.string_at(details, 128)

    assert before != after == b"\xdd" * 128


def test_freeing_nothing_is_harmless(simulator: Simulator, wfp: Wfp) -> None:
    wfp.free(pointer())

    assert simulator.misuses() == 0


def test_only_the_local_engine_with_known_authentication_is_opened(
    simulator: Simulator, wfp: Wfp
) -> None:
    engine = pointer()
    name = ctypes.create_string_buffer("server".encode("utf-16-le") + b"\0\0")
    by_default = wfp.code("FwpmEngineOpen0", None, 0xFFFFFFFF, None, None, byref(engine))
    wfp.close(engine.value or 0)
    unknown = wfp.code("FwpmEngineOpen0", None, 9, None, None, byref(engine))
    remote = wfp.code("FwpmEngineOpen0", ctypes.addressof(name), 10, None, None, byref(engine))

    assert (by_default, unknown, remote) == (SUCCESS, UNKNOWN_AUTHN_SERVICE, INVALID_PARAMETER)
    assert simulator.open_handles() == 0


@pytest.mark.parametrize("generation", [0, 1])
def test_unknown_id_is_not_found(simulator: Simulator, wfp: Wfp, generation: int) -> None:
    simulator.populate(10)
    memory = pointer()
    with wfp.session() as engine:
        for context_id in (0, 2**64 - 1, simulator.ids()[0] - 1):
            function = f"IPsecSaContextGetById{generation}"
            assert wfp.code(function, engine, context_id, byref(memory)) == NOT_FOUND


def test_sessions_die_with_the_engine(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    memory, engine = pointer(), pointer()
    old = wfp.open()
    handle = wfp.create(old)

    simulator.stop_engine()
    context_id = simulator.ids()[0]
    opened = wfp.code("FwpmEngineOpen0", None, 10, None, None, byref(engine))
    read = wfp.code("IPsecSaContextGetById1", old, context_id, byref(memory))
    assert (opened, read) == (NOT_REGISTERED, SERVER_UNAVAILABLE)

    simulator.start_engine()
    with wfp.session() as new:
        stale = wfp.code("IPsecSaContextDestroyEnumHandle0", new, handle)
    assert stale == INVALID_HANDLE
    assert wfp.code("IPsecSaContextDestroyEnumHandle0", old, handle) == SESSION_ABORTED
    assert wfp.code("IPsecSaContextCreateEnumHandle0", old, None, byref(memory)) == SESSION_ABORTED
    assert simulator.open_sessions() == 1
    assert wfp.code("FwpmEngineClose0", old) == SUCCESS
    assert simulator.open_handles() == 0


def test_session_of_a_stopped_engine_can_be_closed(simulator: Simulator, wfp: Wfp) -> None:
    engine = wfp.open()
    simulator.stop_engine()

    assert wfp.code("FwpmEngineClose0", engine) == SUCCESS
    assert simulator.open_handles() == 0


def test_reset_makes_as_freshly_loaded(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    simulator.fail("*", 5, times=0)
    simulator.clear_failures()
    engine = wfp.open()
    handle = wfp.create(engine)
    page = wfp.next(engine, handle, 5)
    simulator.fail("*", 5, times=0)
    simulator.stop_engine()

    simulator.reset()

    assert (simulator.count(), simulator.open_handles(), simulator.unfreed_blocks()) == (0, 0, 0)
    assert simulator.calls() == 0
    assert page.contexts[0].saContextId != 0
    wfp.free(page.entries)
    assert wfp.code("FwpmEngineClose0", engine) == INVALID_HANDLE
    assert (simulator.unfreed_blocks(), simulator.misuses()) == (0, 0)
    assert wfp.ids() == []

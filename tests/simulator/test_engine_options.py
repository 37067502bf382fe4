"""Options of the engine: which values are accepted, and in which sessions."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import Structure, byref
from typing import ClassVar

import pytest
from sa_contexts_simulator import Simulator

from .wfp import Wfp, pointer, u32, u64


COLLECT_NET_EVENTS, NAME_CACHE, MONITOR_IPSEC_CONNECTIONS, MAX = 0, 2, 3, 6
EMPTY, UINT32 = 0, 3  # FWP_DATA_TYPE
DYNAMIC = 1  # FWPM_SESSION_FLAG_DYNAMIC
INVALID_HANDLE, NOT_SUPPORTED, NULL_REFERENCE = 6, 50, 1780
DYNAMIC_SESSION_IN_PROGRESS = 0x8032000B
INVALID_ENUMERATOR = 0x8032001D
TYPE_MISMATCH = 0x80320027
STILL_ON = 0x80320043


class Value(Structure):
    """FWP_VALUE0 with a small number (fwptypes.h)."""

    _fields_: ClassVar = [("type", u32), ("_", u32), ("uint32", u32), ("rest", u32)]


class SessionOptions(Structure):
    """FWPM_SESSION0 (fwpmtypes.h)."""

    _fields_: ClassVar = [
        ("sessionKey", u32 * 4),
        ("displayData", pointer * 2),
        ("flags", u32),
        ("txnWaitTimeoutInMSec", u32),
        ("processId", u64),
        ("sid", pointer),
        ("username", pointer),
        ("kernelMode", u64),
    ]


assert ctypes.sizeof(Value) == 16
assert ctypes.sizeof(SessionOptions) == 72


@contextmanager
def session(wfp: Wfp, flags: int) -> Iterator[int]:
    handle = pointer()
    wfp.call("FwpmEngineOpen0", None, 10, None, byref(SessionOptions(flags=flags)), byref(handle))
    assert handle.value is not None
    try:
        yield handle.value
    finally:
        wfp.close(handle.value)


def set_option(wfp: Wfp, engine: int, option: int, number: int, kind: int = UINT32) -> int:
    return wfp.code("FwpmEngineSetOption0", engine, option, byref(Value(kind, 0, number)))


def value_of(wfp: Wfp, engine: int, option: int) -> int:
    memory = pointer()
    wfp.call("FwpmEngineGetOption0", engine, option, byref(memory))
    assert memory.value is not None
    found = Value.from_address(memory.value)
    number = int(found.uint32)
    wfp.free(memory)
    return number


def test_monitoring_can_be_enabled_and_not_disabled(simulator: Simulator, wfp: Wfp) -> None:
    simulator.monitor_connections(False)
    with session(wfp, 0) as engine:
        assert value_of(wfp, engine, MONITOR_IPSEC_CONNECTIONS) == 0
        assert set_option(wfp, engine, MONITOR_IPSEC_CONNECTIONS, 0) == 0
        assert set_option(wfp, engine, MONITOR_IPSEC_CONNECTIONS, 1) == 0
        assert value_of(wfp, engine, MONITOR_IPSEC_CONNECTIONS) == 1
        assert set_option(wfp, engine, MONITOR_IPSEC_CONNECTIONS, 1) == 0
        assert set_option(wfp, engine, MONITOR_IPSEC_CONNECTIONS, 0) == STILL_ON
        assert value_of(wfp, engine, MONITOR_IPSEC_CONNECTIONS) == 1


def test_collection_can_be_disabled_and_enabled(wfp: Wfp) -> None:
    with wfp.session() as engine:
        for number in (0, 1):
            assert set_option(wfp, engine, COLLECT_NET_EVENTS, number) == 0
            assert value_of(wfp, engine, COLLECT_NET_EVENTS) == number


def test_no_option_is_set_in_a_dynamic_session(simulator: Simulator, wfp: Wfp) -> None:
    simulator.monitor_connections(False)
    with session(wfp, DYNAMIC) as engine:
        for option in range(MAX):
            code = set_option(wfp, engine, option, 1)
            assert code == DYNAMIC_SESSION_IN_PROGRESS
        assert value_of(wfp, engine, MONITOR_IPSEC_CONNECTIONS) == 0


@pytest.mark.parametrize(
    ("option", "kind", "code"),
    [
        (MAX, UINT32, INVALID_ENUMERATOR),
        (NAME_CACHE, UINT32, NOT_SUPPORTED),
        (MONITOR_IPSEC_CONNECTIONS, EMPTY, TYPE_MISMATCH),
        (COLLECT_NET_EVENTS, UINT32 + 1, TYPE_MISMATCH),
    ],
)
def test_other_options_and_types_are_rejected(
    simulator: Simulator, wfp: Wfp, option: int, kind: int, code: int
) -> None:
    with session(wfp, 0) as engine:
        assert set_option(wfp, engine, option, 1, kind) == code
    assert simulator.misuses() == 0


def test_a_missing_value_and_a_closed_session_are_misuses(simulator: Simulator, wfp: Wfp) -> None:
    with session(wfp, 0) as engine:
        code = wfp.code("FwpmEngineSetOption0", engine, MONITOR_IPSEC_CONNECTIONS, None)
        assert code == NULL_REFERENCE
    assert set_option(wfp, engine, MONITOR_IPSEC_CONNECTIONS, 1) == INVALID_HANDLE
    assert simulator.misuses() == 2

"""Statistics: into the caller's memory, under the rules of all calls."""

import ctypes
from ctypes import byref

import pytest
from sa_contexts_simulator import Simulator

from .wfp import (
    INVALID_HANDLE,
    NULL_REF_POINTER,
    SERVER_UNAVAILABLE,
    SESSION_ABORTED,
    SUCCESS,
    Wfp,
    u32,
)


SIZES = {
    "IPsecGetStatistics0": 200,
    "IPsecGetStatistics1": 216,
    "IkeextGetStatistics0": 1116,
    "IkeextGetStatistics1": 1660,
}
"""Of IPSEC_STATISTICS0 and 1 (ipsectypes.h), IKEEXT_STATISTICS0 and 1 (iketypes.h)."""


@pytest.mark.parametrize("function", list(SIZES))
def test_struct_is_filled_and_no_more(simulator: Simulator, wfp: Wfp, function: str) -> None:
    simulator.populate(100)
    simulator.churn(300)
    size = SIZES[function]
    memory = ctypes.create_string_buffer(b"\xa5" * (size + 64), size + 64)
    with wfp.session() as engine:
        wfp.call(function, engine, byref(memory))

    words = [memory.raw[i : i + 4] for i in range(0, size, 4)]
    padding = 1 if function.startswith("IPsec") else 0  # before the first 64-bit number
    assert words.count(b"\xa5\xa5\xa5\xa5") <= padding
    assert memory.raw[size:] == b"\xa5" * 64
    assert simulator.unfreed_blocks() == 0


@pytest.mark.parametrize("function", list(SIZES))
def test_misuse_is_refused_and_counted(simulator: Simulator, wfp: Wfp, function: str) -> None:
    memory = (u32 * 500)()
    with wfp.session() as engine:
        codes = [wfp.code(function, engine, None)]
    codes.append(wfp.code(function, engine, byref(memory)))

    assert codes == [NULL_REF_POINTER, INVALID_HANDLE]
    assert simulator.misuses() == 2
    assert not any(memory)


@pytest.mark.parametrize("function", list(SIZES))
def test_stopped_engine_is_reported(simulator: Simulator, wfp: Wfp, function: str) -> None:
    memory = (u32 * 500)()
    with wfp.session() as engine:
        simulator.stop_engine()
        stopped = wfp.code(function, engine, byref(memory))
        simulator.start_engine()
        restarted = wfp.code(function, engine, byref(memory))
        simulator.fail(function, 0x80320044)
    with wfp.session() as engine:
        codes = [wfp.code(function, engine, byref(memory)) for _ in range(2)]

    assert (stopped, restarted) == (SERVER_UNAVAILABLE, SESSION_ABORTED)
    assert codes == [0x80320044, SUCCESS]
    assert simulator.misuses() == 0


def test_null_counts_are_refused(simulator: Simulator) -> None:
    for put in (simulator.put_ipsec_statistics, simulator.put_ike_statistics):
        with pytest.raises(ValueError, match="NULL"):
            put(0)

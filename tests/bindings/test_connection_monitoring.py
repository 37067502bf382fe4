"""Connection monitoring is enabled, in a session of its own that is not dynamic."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.connection_monitoring import enable_connection_monitoring
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import (
    AccessDenied,
    EngineError,
    EngineGone,
    NotSupported,
    TransactionTimeout,
)
from bindings.library import Library
from bindings.session import Session
from bindings.winerror import WinError


SET = "FwpmEngineSetOption0"


def monitoring(library: Library) -> int | None:
    with Session(library) as session:
        return engine_option(session, EngineOption.MONITOR_IPSEC_CONNECTIONS)


@pytest.fixture(autouse=True)
def _off_at_first(simulator: Simulator) -> Iterator[None]:
    simulator.monitor_connections(False)
    yield
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_the_option_is_set_and_no_other(library: Library, simulator: Simulator) -> None:
    simulator.collect_net_events(False)

    enable_connection_monitoring(library)

    assert monitoring(library) == 1
    with Session(library) as session:
        assert engine_option(session, EngineOption.COLLECT_NET_EVENTS) == 0
    assert simulator.calls(SET) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (WinError.ERROR_ACCESS_DENIED, AccessDenied),
        (WinError.RPC_S_PROCNUM_OUT_OF_RANGE, NotSupported),
        (WinError.FWP_E_TIMEOUT, TransactionTimeout),
        (WinError.RPC_S_CALL_FAILED, EngineGone),
        (WinError.FWP_E_INVALID_ENUMERATOR, EngineError),
        (WinError.FWP_E_TXN_IN_PROGRESS, EngineError),
    ],
)
def test_a_failure_is_reported_and_the_session_closed(
    library: Library, simulator: Simulator, code: int, error: type[EngineError]
) -> None:
    simulator.fail(SET, code)

    with pytest.raises(error, match=SET) as raised:
        enable_connection_monitoring(library)

    assert raised.value.code == code
    assert simulator.open_handles() == 0
    assert monitoring(library) == 0


def test_a_stopped_engine_is_reported(library: Library, simulator: Simulator) -> None:
    simulator.stop_engine()
    with pytest.raises(EngineGone, match="FwpmEngineOpen0"):
        enable_connection_monitoring(library)
    simulator.start_engine()


def test_a_reader_s_session_cannot_set_it(library: Library) -> None:
    value = ffi.new("FWP_VALUE0 *", {"type": 3, "uint32": 1})
    with (
        Session(library) as session,
        pytest.raises(EngineError, match="FWP_E_DYNAMIC_SESSION_IN_PROGRESS"),
    ):
        session.call(SET, EngineOption.MONITOR_IPSEC_CONNECTIONS, value)
    assert monitoring(library) == 0

"""Options of the engine are read, and freed."""

from __future__ import annotations

import pytest
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import EngineError, EngineGone
from bindings.library import Library
from bindings.session import Session


def test_collection_is_reported(simulator: Simulator, library: Library) -> None:
    with Session(library) as session:
        assert engine_option(session, EngineOption.COLLECT_NET_EVENTS) == 1
        simulator.collect_net_events(False)
        assert engine_option(session, EngineOption.COLLECT_NET_EVENTS) == 0
        assert simulator.unfreed_blocks() == 0
        assert engine_option(session, EngineOption.MONITOR_IPSEC_CONNECTIONS) == 1
        simulator.monitor_connections(False)
        for option in EngineOption:
            assert engine_option(session, option) == 0
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_a_dead_session_is_reported(simulator: Simulator, library: Library) -> None:
    with Session(library) as session:
        simulator.stop_engine()
        with pytest.raises(EngineGone):
            engine_option(session, EngineOption.COLLECT_NET_EVENTS)
        simulator.start_engine()
        with pytest.raises(EngineGone):
            engine_option(session, EngineOption.COLLECT_NET_EVENTS)


def test_what_is_no_option_is_refused(simulator: Simulator, library: Library) -> None:
    with Session(library) as session:
        value = ffi.new("FWP_VALUE0 **")
        with pytest.raises(EngineError, match="FWP_E_INVALID_ENUMERATOR"):
            session.call("FwpmEngineGetOption0", 6, value)
        with pytest.raises(EngineError, match="RPC_X_NULL_REF_POINTER"):
            session.call("FwpmEngineGetOption0", 0, ffi.NULL)
    assert simulator.misuses() == 1

"""A session that dies is reopened once, whether it served before or is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from sa_contexts_simulator import Simulator

from bindings.connections import Connections
from bindings.engine import Engine
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import EngineGone, error_for
from bindings.ike_sas import IkeSas
from bindings.library import Library
from bindings.sa_contexts import SaContexts
from bindings.winerror import WinError


GONE: Final = [
    *(int(code) for code in WinError if isinstance(error_for(code, ""), EngineGone)),
    0x80010108,  # RPC_E_DISCONNECTED, one of the range of RPC_E_*
]


def _sa_contexts(reader: SaContexts) -> int:
    (page,) = reader.pages()
    return reader.get(page[0].sa_context_id).sa_context_id


def _ike_sas(reader: IkeSas) -> int:
    (page,) = reader.pages()
    return reader.get(page[0].sa_id).sa_id


def _connections(reader: Connections) -> int:
    (page,) = reader.pages()
    return reader.look_up(page[0].connection_id).connection_id


WORK: Final[dict[str, Callable[[Engine], object]]] = {
    **dict.fromkeys(
        (
            "IPsecSaContextCreateEnumHandle0",
            "IPsecSaContextEnum1",
            "IPsecSaContextDestroyEnumHandle0",
            "IPsecSaContextGetById1",
        ),
        lambda engine: engine.with_sa_contexts(_sa_contexts),
    ),
    **dict.fromkeys(
        (
            "IkeextSaCreateEnumHandle0",
            "IkeextSaEnum2",
            "IkeextSaDestroyEnumHandle0",
            "IkeextSaGetById2",
        ),
        lambda engine: engine.with_ike_sas(_ike_sas),
    ),
    **dict.fromkeys(
        (
            "FwpmConnectionCreateEnumHandle0",
            "FwpmConnectionEnum0",
            "FwpmConnectionDestroyEnumHandle0",
            "FwpmConnectionGetById0",
        ),
        lambda engine: engine.with_connections(_connections),
    ),
    "IPsecGetStatistics1": lambda engine: engine.ipsec_statistics()[1],
    "IkeextGetStatistics1": lambda engine: engine.ike_statistics()[1],
    "FwpmEngineGetOption0": lambda engine: engine.run_in_session(
        lambda session: engine_option(session, EngineOption.MONITOR_IPSEC_CONNECTIONS)
    ),
}
"""Every function that an engine calls in its session, with work that calls it once."""


@pytest.fixture
def engine(library: Library, simulator: Simulator) -> Iterator[Engine]:
    simulator.populate(10)
    with Engine(library) as engine:
        yield engine
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


@pytest.mark.parametrize("function", WORK)
def test_new_session_whose_first_call_fails_is_reopened_once(
    engine: Engine, simulator: Simulator, function: str
) -> None:
    expected = WORK[function](engine)
    for code in GONE:
        engine.close()
        before = engine.incarnation
        simulator.fail(function, code)

        assert WORK[function](engine) == expected, code
        assert engine.incarnation == before + 2, code


@pytest.mark.parametrize("function", WORK)
@pytest.mark.parametrize("served_before", [False, True])
def test_call_that_fails_in_two_sessions_is_not_repeated_again(
    engine: Engine, simulator: Simulator, function: str, served_before: bool
) -> None:
    if served_before:
        WORK[function](engine)
    called = simulator.calls(function)
    simulator.fail(function, WinError.RPC_S_CALL_FAILED, times=0)

    with pytest.raises(EngineGone):
        WORK[function](engine)

    assert simulator.calls("FwpmEngineOpen0") == 2
    assert simulator.calls(function) == called + 2
    assert not engine.is_open


def test_session_that_dies_while_another_cannot_be_opened_is_given_up(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.fail("FwpmEngineGetOption0", WinError.RPC_S_CALL_FAILED)
    simulator.fail("FwpmEngineOpen0", WinError.EPT_S_NOT_REGISTERED, after=1, times=0)

    with pytest.raises(EngineGone, match="FwpmEngineOpen0"):
        WORK["FwpmEngineGetOption0"](engine)

    assert simulator.calls("FwpmEngineOpen0") == 2

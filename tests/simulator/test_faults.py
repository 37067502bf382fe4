"""Failures happen when and where they were asked for."""

import time
from collections.abc import Callable
from ctypes import byref

import pytest
from sa_contexts_simulator import Option, Simulator

from . import connections, provider_contexts
from .ike import ike_sas
from .test_net_event_subscriptions import Subscriber
from .test_net_events import read
from .wfp import FUNCTIONS, GUID, SUCCESS, TIMEOUT, Callback, Wfp, WfpError, pointer, u32


def get(wfp: Wfp, engine: int, context_id: int) -> int:
    memory = pointer()
    code = wfp.code("IPsecSaContextGetById1", engine, context_id, byref(memory))
    wfp.free(memory)
    return code


def test_nth_call_fails(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(1)
    (context_id,) = simulator.ids()
    simulator.fail("IPsecSaContextGetById1", TIMEOUT, after=2, times=3)
    with wfp.session() as engine:
        codes = [get(wfp, engine, context_id) for _ in range(7)]

    assert codes == [0, 0, TIMEOUT, TIMEOUT, TIMEOUT, 0, 0]


def test_failures_last_until_cleared(simulator: Simulator, wfp: Wfp) -> None:
    simulator.fail("*", 1722, times=0)
    for _ in range(5):
        with pytest.raises(WfpError):
            wfp.open()
    simulator.clear_failures()

    wfp.close(wfp.open())


def test_failures_of_several_functions_do_not_disturb_each_other(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(1)
    (context_id,) = simulator.ids()
    simulator.fail("IPsecSaContextGetById1", 8, after=1)
    simulator.fail("IPsecSaContextCreateEnumHandle0", 5)
    with wfp.session() as engine:
        assert get(wfp, engine, context_id) == SUCCESS
        with pytest.raises(WfpError, match="0x5"):
            wfp.create(engine)
        assert get(wfp, engine, context_id) == 8
        wfp.destroy(engine, wfp.create(engine))


def test_failing_close_releases_its_handle(simulator: Simulator, wfp: Wfp) -> None:
    simulator.fail("FwpmEngineClose0", 1726)
    simulator.fail("IPsecSaContextDestroyEnumHandle0", 1727)
    engine = wfp.open()
    handle = wfp.create(engine)

    assert wfp.code("IPsecSaContextDestroyEnumHandle0", engine, handle) == 1727
    assert wfp.code("FwpmEngineClose0", engine) == 1726
    assert simulator.open_handles() == 0
    assert simulator.misuses() == 0


def test_failed_enumeration_goes_on_where_it_was(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20)
    seen = []
    with wfp.session() as engine:
        handle = wfp.create(engine)
        simulator.fail("IPsecSaContextEnum1", TIMEOUT, after=1)
        for _ in range(4):
            try:
                page = wfp.next(engine, handle, 10)
            except WfpError:
                continue
            seen += [context.saContextId for context in page.contexts]
            wfp.free(page.entries)
        wfp.destroy(engine, handle)

    assert seen == simulator.ids()


def test_random_failures_come_at_their_rate_and_by_their_seed(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(1)
    (context_id,) = simulator.ids()
    with wfp.session() as engine:
        runs = []
        for seed in (1, 1, 2):
            simulator.fail_randomly(200_000, seed)
            runs.append([get(wfp, engine, context_id) for _ in range(1000)])
        simulator.fail_randomly(0)

    assert runs[0] == runs[1] != runs[2]
    assert 150 < sum(code != 0 for code in runs[0]) < 250
    assert {1722, 1726, 5, 8, TIMEOUT} < set(runs[0])


def test_delayed_call_takes_longer(simulator: Simulator, wfp: Wfp) -> None:
    simulator.delay("FwpmEngineOpen0", 20)
    began = time.perf_counter()
    engine = wfp.open()
    took = time.perf_counter() - began
    wfp.close(engine)

    assert took >= 0.019


def test_unknown_functions_options_and_codes_are_refused(simulator: Simulator) -> None:
    rejected: list[Callable[[], object]] = [
        lambda: simulator.fail("IPsecSaContextEnum9", 5),
        lambda: simulator.fail("FwpmFreeMemory0", 5),
        lambda: simulator.fail("*", 0),
        lambda: simulator.fail("*", 2**32),
        lambda: simulator.delay("", 5),
        lambda: simulator.calls("ipsecsacontextenum1"),
        lambda: simulator.set_option(Option.SHUFFLE, 2),
        lambda: simulator.populate(-1),
        lambda: simulator.put(0),
    ]
    for each in rejected:
        with pytest.raises(ValueError, match=r"."):
            each()


def test_every_function_is_counted(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(5)
    assert all(simulator.calls(name) == 0 for name in FUNCTIONS)
    wfp.ids(generation=0)
    wfp.ids(generation=1)
    connections.ids(wfp)
    with wfp.session() as engine:
        for generation in (0, 1):
            with wfp.get(engine, simulator.ids()[0], generation):
                pass
        callback = Callback(lambda _context, _change: None)
        wfp.unsubscribe(engine, wfp.subscribe(engine, callback))
        with connections.get(wfp, engine, simulator.connections()[0]):
            pass
        callback = connections.ConnectionCallback(lambda _context, _event, _connection: None)
        with connections.subscribed(wfp, callback):
            pass
        for generation in (0, 1, 2):
            with ike_sas(wfp, generation=generation) as (sa, *_):
                lookup = (None,) if generation else ()
                memory = pointer()
                wfp.call(f"IkeextSaGetById{generation}", engine, sa.saId, *lookup, byref(memory))
                wfp.free(memory)

        memory = pointer()
        wfp.code("FwpmFilterGetById0", engine, 1, byref(memory))
        for generation in range(4):
            wfp.code(f"FwpmProviderContextGetById{generation}", engine, 1, byref(memory))
            wfp.code(
                f"FwpmProviderContextGetByKey{generation}", engine, byref(GUID()), byref(memory)
            )

        counts = (u32 * 500)()
        for generation in (0, 1):
            wfp.call(f"IPsecGetStatistics{generation}", engine, byref(counts))
            wfp.call(f"IkeextGetStatistics{generation}", engine, byref(counts))

        for generation in range(5):
            Subscriber(wfp, engine, generation).unsubscribe()
        value = pointer()
        wfp.call("FwpmEngineGetOption0", engine, 0, byref(value))
        wfp.call("FwpmEngineSetOption0", engine, 0, value)
        wfp.free(value)
    for generation in range(6):
        read(wfp, generation)
    for generation in range(4):
        with provider_contexts.enumerated(wfp, 9, generation=generation):
            pass

    assert all(simulator.calls(name) > 0 for name in FUNCTIONS)
    assert sum(simulator.calls(name) for name in FUNCTIONS) == simulator.calls()

"""Calls that requests share."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import anyio
import pytest

from app.repository.deadlines import EngineDeadline
from app.repository.engine_calls import EngineCalls
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from bindings.errors import NotFound
from bindings.winerror import WinError
from tests.repository.callers import calling


pytestmark = pytest.mark.anyio


class Engine:
    """Records its calls; the first waits until it may end."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.may_end = Event()

    def call(self, name: str) -> Callable[[], str]:
        def make() -> str:
            self.called.append(name)
            self.may_end.wait(10)
            return f"{name} {len(self.called)}"

        return make


async def begun(engine: Engine, count: int = 1) -> None:
    with anyio.fail_after(10):
        while len(engine.called) < count:  # noqa: ASYNC110  # a thread counts
            await anyio.sleep(0.001)


async def test_requests_that_wait_share_the_next_call_and_never_an_earlier_one() -> None:
    engine, calls, results = Engine(), EngineCalls(EngineDeadline(10)), list[str]()

    async def request(name: str) -> None:
        results.append(await calls.run(name, engine.call(name)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(request, "a")
        await begun(engine)
        for _ in range(100):
            tasks.start_soon(request, "a")
        await anyio.wait_all_tasks_blocked()
        engine.may_end.set()

    assert engine.called == ["a", "a"]
    assert results == ["a 1"] + ["a 2"] * 100


async def test_the_calls_of_callers_take_turns() -> None:
    engine, calls = Engine(), EngineCalls(EngineDeadline(10))
    async with anyio.create_task_group() as tasks:

        async def request(caller: str, name: str) -> None:
            with calling(caller):
                await calls.run(name, engine.call(name))

        for number in range(20):
            tasks.start_soon(request, "greedy", f"greedy {number}")
        await begun(engine)
        for name in ("other", "another"):
            tasks.start_soon(request, name, name)
        await anyio.wait_all_tasks_blocked()
        assert (calls.limiter.occupied, calls.limiter.waiting) == (1, 21)
        engine.may_end.set()

    assert engine.called[0] == "greedy 0"
    assert engine.called[1:3] == ["other", "another"]
    assert len(engine.called) == 22


async def test_a_request_behind_others_gets_the_call_of_who_comes_first() -> None:
    """A greedy caller's queue has the context, too, but the other caller's turn comes first."""
    engine, calls = Engine(), EngineCalls(EngineDeadline(10))
    results: dict[str, str] = {}

    async def request(caller: str, name: str) -> None:
        with calling(caller):
            results[f"{caller} {name}"] = await calls.run(name, engine.call(name))

    async with anyio.create_task_group() as tasks:
        for name in ("0", "1", "2", "wanted"):
            tasks.start_soon(request, "greedy", name)
        await begun(engine)
        tasks.start_soon(request, "other", "wanted")
        await anyio.wait_all_tasks_blocked()
        engine.may_end.set()

    assert engine.called == ["0", "wanted", "1", "2"]
    assert results["greedy wanted"] == results["other wanted"]


async def test_an_error_is_for_all_that_wait() -> None:
    gate, calls, failures = Event(), EngineCalls(EngineDeadline(10)), list[Exception]()

    def fail() -> None:
        gate.wait(10)
        raise NotFound(WinError.FWP_E_NOT_FOUND, "IPsecSaContextGetById1")

    async def request() -> None:
        try:
            await calls.run(1, fail)
        except NotFound as error:
            failures.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        gate.set()

    assert len(failures) == 3


async def test_who_leaves_does_not_take_the_call_from_those_who_wait_for_it() -> None:
    engine, calls, results = Engine(), EngineCalls(EngineDeadline(10)), list[str]()
    blocked = Engine()

    async def request(scope: anyio.CancelScope | None = None) -> None:
        with scope or anyio.CancelScope():
            results.append(await calls.run("a", engine.call("a")))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls.run, "b", blocked.call("b"))
        await begun(blocked)
        leader = anyio.CancelScope()
        tasks.start_soon(request, leader)
        tasks.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        blocked.may_end.set()
        await begun(engine)
        leader.cancel()
        await anyio.wait_all_tasks_blocked()
        engine.may_end.set()

    assert engine.called == ["a"]
    assert results[-1] == "a 1"


async def test_a_call_for_nobody_is_not_made() -> None:
    engine, calls = Engine(), EngineCalls(EngineDeadline(10))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls.run, "a", engine.call("a"))
        await begun(engine)
        with anyio.move_on_after(0.01):
            await calls.run("b", engine.call("b"))
        engine.may_end.set()

    assert engine.called == ["a"]
    assert (calls.limiter.occupied, calls.limiter.waiting) == (0, 0)


async def test_each_request_waits_as_long_as_it_may() -> None:
    """Its queue and its call count together."""
    engine, calls, took = Engine(), EngineCalls(EngineDeadline(0.3)), list[float]()

    async def request(name: str) -> None:
        began = time.monotonic()
        with pytest.raises(EngineTimedOut):
            await calls.run(name, engine.call(name))
        took.append(time.monotonic() - began)

    async with anyio.create_task_group() as tasks:
        for name in "aab":
            tasks.start_soon(request, name)
    engine.may_end.set()

    assert len(took) == 3
    assert all(0.29 < seconds < 3 for seconds in took)


async def test_a_call_lasts_as_long_as_the_last_request_may_wait() -> None:
    """A greedy caller's turn may come just before its time is over."""
    engine, calls, results = Engine(), EngineCalls(EngineDeadline(2)), list[str]()
    blocked = Engine()

    async def request() -> None:
        results.append(await calls.run("a", engine.call("a")))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls.run, "b", blocked.call("b"))
        await begun(blocked)
        tasks.start_soon(request)
        await anyio.sleep(1.4)
        tasks.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        blocked.may_end.set()
        await begun(engine)
        await anyio.sleep(0.8)  # the first request alone would time out
        engine.may_end.set()

    assert results == ["a 1", "a 1"]


async def test_a_stop_ends_all_waits() -> None:
    engine, deadline = Engine(), EngineDeadline(10)
    calls, ended = EngineCalls(deadline), list[str]()

    async def request(name: str) -> None:
        with pytest.raises(ShuttingDown):
            await calls.run(name, engine.call(name))
        ended.append(name)

    async with anyio.create_task_group() as tasks:
        for name in "aab":
            tasks.start_soon(request, name)
        await begun(engine)
        deadline.cancel_all()
    engine.may_end.set()

    assert sorted(ended) == ["a", "a", "b"]

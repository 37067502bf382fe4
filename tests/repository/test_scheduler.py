"""Refreshes are shared: one runs, one is queued, and each answers only those who asked in time."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from app.repository.refresh.scheduler import RefreshScheduler, ShuttingDown


pytestmark = pytest.mark.anyio


class Work:
    """A refresh that ends on request."""

    def __init__(self) -> None:
        self.now = 100.0
        self.begun = 0
        self.ends = anyio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> None:
        self.begun += 1
        ends = self.ends = anyio.Event()
        await ends.wait()
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        self.ends.set()


async def _settle() -> None:
    await anyio.wait_all_tasks_blocked()


async def test_many_who_wait_share_one_refresh_and_later_ones_the_next() -> None:
    work = Work()
    refreshes = RefreshScheduler(work, min_interval=0, clock=lambda: work.now)
    served: list[str] = []

    async def ask(name: str) -> None:
        await refreshes.wait(work.now)
        served.append(name)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refreshes.run)
        for number in range(100):
            tasks.start_soon(ask, f"early {number}")
        await _settle()
        assert work.begun == 1
        work.now += 0.001
        for number in range(100):
            tasks.start_soon(ask, f"late {number}")
        await _settle()
        assert work.begun == 1
        work.end()
        await _settle()
        assert len(served) == 100
        assert work.begun == 2
        work.end()
        await _settle()
        assert len(served) == 200
        assert work.begun == 2
        tasks.cancel_scope.cancel()


async def test_a_running_refresh_will_do_for_who_accepts_its_age() -> None:
    work = Work()
    refreshes = RefreshScheduler(work, min_interval=0, clock=lambda: work.now)
    served: list[str] = []

    async def ask() -> None:
        await refreshes.wait(work.now - 5)
        served.append("served")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refreshes.run)
        tasks.start_soon(ask)
        await _settle()
        work.now += 4
        tasks.start_soon(ask)
        await _settle()
        work.end()
        await _settle()
        assert served == ["served"] * 2
        assert work.begun == 1
        tasks.cancel_scope.cancel()


async def test_all_waiters_get_a_failure_and_the_next_may_succeed() -> None:
    work = Work()
    refreshes = RefreshScheduler(work, min_interval=0, clock=lambda: work.now)
    errors: list[Exception] = []

    async def ask() -> None:
        try:
            await refreshes.wait(work.now)
        except OSError as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refreshes.run)
        tasks.start_soon(ask)
        tasks.start_soon(ask)
        await _settle()
        work.failure = OSError("rejected")
        work.end()
        await _settle()
        assert errors == [work.failure] * 2
        work.failure = None
        tasks.start_soon(ask)
        await _settle()
        work.end()
        await _settle()
        assert len(errors) == 2
        tasks.cancel_scope.cancel()


async def test_who_stops_waiting_costs_nothing() -> None:
    work = Work()
    refreshes = RefreshScheduler(work, min_interval=0, clock=lambda: work.now)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refreshes.run)
        with anyio.move_on_after(0):
            await refreshes.wait(work.now)
        await _settle()
        assert work.begun == 1
        work.end()
        await _settle()
        tasks.cancel_scope.cancel()


async def test_a_stop_wakes_waiters() -> None:
    work = Work()
    refreshes = RefreshScheduler(work, min_interval=0, clock=lambda: work.now)
    errors: list[Exception] = []

    async def ask() -> None:
        try:
            await refreshes.wait(work.now)
        except ShuttingDown as error:
            errors.append(error)

    async with anyio.create_task_group() as waiting:
        waiting.start_soon(ask)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refreshes.run)
            await _settle()
            work.now += 1
            waiting.start_soon(ask)  # for a refresh that will not start
            await _settle()
            tasks.cancel_scope.cancel()
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("length", "ratio", "pause"), [(0.01, 1, 0.05), (0.2, 1, 0.2), (0.001, 9, 0.05), (0.2, 9, 1.8)]
)
async def test_the_engine_is_left_alone_between_refreshes(
    monkeypatch: pytest.MonkeyPatch, length: float, ratio: float, pause: float
) -> None:
    now = 0.0
    slept: list[float] = []

    async def work() -> None:
        nonlocal now
        await anyio.lowlevel.checkpoint()
        now += length

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr("app.repository.refresh.scheduler.anyio.sleep", sleep)
    refreshes = RefreshScheduler(work, min_interval=0.05, clock=lambda: now, min_idle_ratio=ratio)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refreshes.run)
        await refreshes.wait(now)
        await refreshes.wait(now)
        tasks.cancel_scope.cancel()

    assert slept[:2] == [0.0, pytest.approx(pause)]

"""Hints: given by any thread, taken by the store."""

from __future__ import annotations

from threading import Thread

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from app.repository.refresh.dirty_ids import DirtyIds


pytestmark = pytest.mark.anyio


async def test_what_many_threads_give_is_taken_once() -> None:
    hints = DirtyIds(100_000)

    def give_all(first: int) -> None:
        for number in range(first, first + 500):
            hints.add(number)

    threads = [Thread(target=give_all, args=(first,)) for first in range(0, 4000, 250)]
    taken: list[int] = []
    with anyio.fail_after(30):
        for thread in threads:
            thread.start()
        while len(set(taken)) < 4250:
            await hints.wait()
            taken += hints.pop_all()
    for thread in threads:
        thread.join()
    taken += hints.pop_all()

    assert set(taken) == set(range(4250))
    assert not hints.has_overflowed


async def test_one_who_waits_is_woken_by_another_thread() -> None:
    hints = DirtyIds(10)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hints.wait)
            await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(hints.add, 7)

    assert hints.pop_all() == [7]


async def test_too_many_are_not_kept_but_told() -> None:
    hints = DirtyIds(2)
    for number in (1, 1, 2):
        hints.add(number)
    await hints.wait()

    assert hints.pop_all() == [1]
    assert hints.has_overflowed


def test_a_hint_after_the_loop_has_ended_does_no_harm() -> None:
    hints = DirtyIds(10)

    async def wait_once() -> None:
        hints.add(1)
        await hints.wait()

    anyio.run(wait_once)
    hints.add(2)

    assert hints.pop_all() == [1, 2]

"""Dirty ids: added by any thread, read by the store."""

from __future__ import annotations

from threading import Thread

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from app.repository.refresh.dirty_ids import DirtyIds


pytestmark = pytest.mark.anyio


async def test_what_many_threads_give_is_taken_once() -> None:
    dirty_ids = DirtyIds(100_000)

    def give_all(first: int) -> None:
        for number in range(first, first + 500):
            dirty_ids.add(number)

    threads = [Thread(target=give_all, args=(first,)) for first in range(0, 4000, 250)]
    taken: list[int] = []
    with anyio.fail_after(30):
        for thread in threads:
            thread.start()
        while len(set(taken)) < 4250:
            await dirty_ids.wait()
            taken += dirty_ids.pop_all()
    for thread in threads:
        thread.join()
    taken += dirty_ids.pop_all()

    assert set(taken) == set(range(4250))
    assert not dirty_ids.has_overflowed


async def test_one_who_waits_is_woken_by_another_thread() -> None:
    dirty_ids = DirtyIds(10)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dirty_ids.wait)
            await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(dirty_ids.add, 7)

    assert dirty_ids.pop_all() == [7]


async def test_too_many_set_the_overflow_flag() -> None:
    dirty_ids = DirtyIds(2)
    for number in (1, 1, 2):
        dirty_ids.add(number)
    await dirty_ids.wait()

    assert dirty_ids.pop_all() == [1, 2]
    assert dirty_ids.has_overflowed


def test_a_hint_after_the_loop_has_ended_does_no_harm() -> None:
    dirty_ids = DirtyIds(10)

    async def wait_once() -> None:
        dirty_ids.add(1)
        await dirty_ids.wait()

    anyio.run(wait_once)
    dirty_ids.add(2)

    assert dirty_ids.pop_all() == [1, 2]

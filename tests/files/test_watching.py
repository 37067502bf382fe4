"""Polling of files in a thread that delays nothing."""

from __future__ import annotations

import threading

import anyio
import anyio.to_thread
import pytest

from app.files import watching
from app.files.watching import watch_files


pytestmark = pytest.mark.anyio

SECONDS = 30


@pytest.fixture(autouse=True)
def _polls_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)


async def test_a_poll_that_hangs_delays_neither_others_nor_the_end() -> None:
    hangs, released = threading.Event(), threading.Event()
    polls: list[bool] = []

    def hang() -> None:
        polls.append(threading.current_thread().daemon)
        hangs.set()
        released.wait(SECONDS)

    polled = threading.Semaphore(0)
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_files, hang)
            tasks.start_soon(watch_files, polled.release)
            await anyio.to_thread.run_sync(hangs.wait, SECONDS)
            for _ in range(10):
                assert await anyio.to_thread.run_sync(lambda: polled.acquire(timeout=SECONDS))
            tasks.cancel_scope.cancel()
    released.set()

    assert polls == [True]


async def test_no_poll_begins_after_the_end() -> None:
    polling = threading.Event()
    threads: list[threading.Thread] = []

    def poll() -> None:
        threads.append(threading.current_thread())
        polling.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_files, poll)
        await anyio.to_thread.run_sync(polling.wait, SECONDS)
        tasks.cancel_scope.cancel()

    threads[0].join(SECONDS)
    assert not threads[0].is_alive()


async def test_a_failure_of_a_poll_is_not_lost() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await watch_files(fail)

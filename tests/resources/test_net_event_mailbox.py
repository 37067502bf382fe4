"""Mailboxes: items arrive in order of their numbers, from any number of threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import Barrier, Thread

import pytest

from app.resources.net_events.mailbox import NetEventMailbox
from bindings.net_event import NetEvent


THREADS, EACH = 8, 20_000
EVENT = NetEvent(4, 0, 0, None, None, None, None, None, None, None)


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_numbers_go_up_whichever_thread_gives() -> None:
    arrivals = NetEventMailbox(THREADS * EACH)
    together = Barrier(THREADS)

    def give() -> None:
        together.wait()
        for _ in range(EACH):
            arrivals.add(EVENT)

    threads = [Thread(target=give) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [number for number, _ in arrivals.take()] == [*range(1, THREADS * EACH + 1)]

"""A call of the engine or an event loop that hangs: what reports it, and what ends the process."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import anyio
import httpx2
import pytest
from structlog.testing import capture_logs

from app.server import watchdog
from app.server.watchdog import CHECK_SECONDS, HUNG, Watchdog
from bindings.library import UnfinishedCall
from tests.soak.process import Target, running_target


SECONDS = 30
HANG_MS = 60_000
CALL = UnfinishedCall("IPsecSaContextEnum1", 0.0)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


class Watched:
    """A watchdog of 5 and 10 checks, and the reasons for which it would have ended the process."""

    def __init__(self, exit_checks: int = 10) -> None:
        self.call: UnfinishedCall | None = None
        self.ends: list[tuple[str, float]] = []
        self.dog = Watchdog(
            lambda: self.call,
            report_seconds=5 * CHECK_SECONDS,
            exit_seconds=exit_checks * CHECK_SECONDS,
            end=lambda hung, seconds: self.ends.append((hung, seconds)),
        )

    def check(self, times: int, *, loop_runs: bool = True) -> None:
        for _ in range(times):
            if loop_runs:
                self.dog.beat()
            self.dog.check()


def test_a_call_that_does_not_return_is_logged_once_and_ends_the_process() -> None:
    watched = Watched()
    watched.call = CALL

    with capture_logs() as log:
        watched.check(5)
        assert log == []
        watched.check(1)
        assert [entry["event"] for entry in log] == ["engine_call_hangs"]
        watched.check(4)
        assert watched.ends == []
        watched.check(1)

    assert watched.ends == [(CALL.function, 10 * CHECK_SECONDS)]
    assert [(entry["function"], entry["seconds"]) for entry in log] == [(CALL.function, 5.0)]


def test_calls_that_return_end_nothing_however_many_there_are() -> None:
    """Each check finds a call of the same function under way."""
    watched = Watched()

    with capture_logs() as log:
        for started in range(20):
            watched.call = CALL._replace(started=started)
            watched.check(4)
        watched.call = None
        watched.check(20)

    assert (watched.ends, log) == ([], [])


def test_an_event_loop_that_does_not_run_ends_the_process_and_says_where_it_is() -> None:
    watched = Watched()

    watched.check(1)
    watched.check(9, loop_runs=False)
    assert watched.ends == []
    watched.check(1, loop_runs=False)

    ((place, seconds),) = watched.ends
    assert seconds == 10 * CHECK_SECONDS
    assert place.startswith("_place (")  # this thread is said to be the loop's
    assert "watchdog.py:" in place


def test_a_loop_that_runs_now_and_then_ends_nothing() -> None:
    watched = Watched()

    for _ in range(5):
        watched.check(1)
        watched.check(9, loop_runs=False)

    assert watched.ends == []


def test_a_watchdog_that_is_off_ends_nothing() -> None:
    watched = Watched(exit_checks=0)
    watched.call = CALL

    with capture_logs() as log:
        watched.check(1000, loop_runs=False)

    assert watched.ends == []
    assert [entry["event"] for entry in log] == ["engine_call_hangs"]


@pytest.mark.anyio
async def test_a_thread_watches_a_loop_that_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "CHECK_SECONDS", 0.01)
    ended, places = threading.Event(), []

    def end(place: str, _seconds: float) -> None:
        places.append(place)
        ended.set()

    dog = Watchdog(lambda: None, report_seconds=1, exit_seconds=0.1, end=end)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dog.run)
        await anyio.wait_all_tasks_blocked()
        assert ended.wait(SECONDS)  # blocks the loop on purpose
        tasks.cancel_scope.cancel()

    assert "threading.py:" in places[0]


@contextmanager
def hanging(function: str, path: str, **settings: object) -> Iterator[Target]:
    """A server with a thread inside a call of `function` that does not return."""
    with running_target(
        simulated_contexts=5, simulated_churn=0, simulated_net_events=0, **settings
    ) as target:
        until(lambda: httpx2.get(f"{target.url}/health/ready", timeout=SECONDS).is_success)
        calls = target.calls(function)
        target.delay(function, HANG_MS)
        threading.Thread(target=_ask, args=(target.url + path,), daemon=True).start()
        until(lambda: target.calls(function) > calls)
        yield target


def _ask(url: str) -> None:
    try:
        httpx2.get(url, timeout=SECONDS)
    except httpx2.HTTPError:
        return  # the process ends


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)  # another process can only be polled


@posix_only
@pytest.mark.parametrize(
    ("function", "path"),
    [
        pytest.param("IPsecSaContextGetById1", "/sa-contexts/1", id="of the shared session"),
        pytest.param("FwpmConnectionEnum0", "/connections", id="of a list's own session"),
    ],
)
def test_readiness_and_metrics_say_that_a_call_hangs_and_the_rest_is_served(
    function: str, path: str
) -> None:
    """The list of SA contexts is read in another session, and still works."""
    with (
        hanging(function, path, engine_timeout_seconds=1) as target,
        httpx2.Client(base_url=target.url, timeout=SECONDS) as client,
    ):
        until(lambda: client.get("/health/ready").status_code == 503)

        assert client.get("/health/live").status_code == 200
        assert client.get("/sa-contexts?maxAge=0").status_code == 200
        engine = client.get("/engine").json()
        assert engine["ready"] is False
        (reason,) = engine["reasons"]
        assert (reason["code"], reason["function"]) == ("hung", function)
        assert reason["detail"].startswith(f"{function} has not returned for ")
        metrics = client.get("/metrics").text
        (value,) = (
            float(line.split()[1])
            for line in metrics.splitlines()
            if line.startswith("wfp_unfinished_call_seconds ")
        )
        assert 1 < value < SECONDS
        until(lambda: '"event": "engine_call_hangs"' in target.log())
        assert target.stop().code == 0


@posix_only
def test_a_process_with_a_hung_call_ends_by_itself_if_so_configured() -> None:
    with hanging("IPsecSaContextGetById1", "/sa-contexts/1", watchdog_seconds=2) as target:
        began = time.monotonic()

        assert target.wait() == HUNG

        assert time.monotonic() - began < SECONDS / 2
        assert '"event": "watchdog_exit"' in target.log()
        assert '"hung": "IPsecSaContextGetById1"' in target.log()


def test_a_log_that_hangs_does_not_keep_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def exit_(code: int) -> NoReturn:
        raise SystemExit(code)

    monkeypatch.setattr(watchdog, "EXIT_SECONDS", 0.05)
    monkeypatch.setattr(watchdog, "exit_now", lambda _code: released.wait(SECONDS))
    monkeypatch.setattr(os, "_exit", exit_)

    with capture_logs() as log, pytest.raises(SystemExit, match=f"^{HUNG}$"):
        watchdog.end_process(CALL.function, 60)
    released.set()

    assert [(entry["event"], entry["hung"]) for entry in log] == [("watchdog_exit", CALL.function)]

"""A call of the engine that does not return, and clients that all ask for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

from tests.hostile.page_reader import PageReader
from tests.soak.process import Target, running_target


FUNCTION = "IPsecSaContextGetById1"
HANG_MS = 60_000
WAITING = 50
ENGINE_TIMEOUT_SECONDS = 3
ANSWER_SECONDS = 15.0
"""Within which all are answered, on processors that others use, too; the call takes a minute."""
STOP_SECONDS = 2.0
SECONDS = 20


def ask(target: Target, path: str) -> tuple[int, str]:
    """Request a path; return the status and the code of a problem."""
    with closing(HTTPConnection(target.url.removeprefix("http://"), timeout=60)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.load(response).get("code", "")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)  # another process can only be polled


def ready_reader(target: Target) -> PageReader:
    """Return a reader of a server that has read its engine."""
    until(lambda: ask(target, "/health/ready")[0] == 200)
    return PageReader(target.url)


def test_a_call_that_hangs_is_reported_and_delays_no_list() -> None:
    with (
        running_target(
            simulated_contexts=250,
            simulated_churn=0,
            engine_timeout_seconds=ENGINE_TIMEOUT_SECONDS,
        ) as target,
        ThreadPoolExecutor(WAITING) as pool,
        ready_reader(target) as reader,
    ):
        calls = target.calls(FUNCTION)
        target.delay(FUNCTION, HANG_MS)
        began = time.monotonic()
        waiting = [pool.submit(ask, target, f"/sa-contexts/{n + 1}") for n in range(WAITING)]

        reader.assert_undisturbed(lambda: all(each.done() for each in waiting))

        assert time.monotonic() - began < ANSWER_SECONDS
        assert {each.result() for each in waiting} == {(503, "engine_timeout")}
        assert target.calls(FUNCTION) == calls + 1
        until(lambda: ask(target, "/health/ready")[0] == 503)
        assert ask(target, "/health/live")[0] == 200
        (reason,) = reader.get("/engine").json()["reasons"]
        assert (reason["code"], reason["function"]) == ("hung", FUNCTION)
        until(lambda: "engine_call_hangs" in target.log())
        end = target.stop()

    assert (end.code, end.seconds < STOP_SECONDS) == (0, True), end

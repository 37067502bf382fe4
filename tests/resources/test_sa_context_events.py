"""`GET /sa-contexts/events`, over real sockets."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sa_contexts_simulator import Option, Simulator

from tests.api.live import PATH, Live, Stream, deaf_client
from tests.api.test_secrets import assert_clean
from tests.conftest import SIMULATOR_PATH
from tests.mirror import Mirror
from tests.soak.schemas import SCHEMA, reason_against
from tests.sse import careless_messages


CONTEXTS = 25
STOP_SECONDS = 2
SHAPES = {
    "added": "SaContextEvent",
    "modified": "SaContextEvent",
    "deleted": "SaContextDeleted",
    "snapshot_end": "StreamPosition",
    "bookmark": "StreamPosition",
    "reset": "StreamPosition",
    "reconnect": "StreamEnd",
}


@pytest.fixture
def live(simulator: Simulator) -> Iterator[Live]:
    with Live(simulated_contexts=CONTEXTS) as live:
        yield live
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def page(live: Live, query: str = "") -> Any:
    return live.client.get(f"/sa-contexts?limit=1000&maxAge=0{query}").json()


def contents(page: Any) -> dict[int, Any]:
    return {int(item["saContextId"]): item for item in page["items"]}


def place(page: Any) -> str:
    snapshot = page["snapshot"]
    return f"{snapshot['epoch']}-{snapshot['revision']}"


def test_a_stream_has_the_headers_of_one(live: Live) -> None:
    with live.stream(**{"Accept-Encoding": "gzip"}) as stream:
        bookmark = stream.next()

        assert bookmark.kind == "bookmark"
        assert stream.parser.retry_ms == 2000
        assert careless_messages(stream.text.decode()) == [("bookmark", bookmark.text)]
        headers = stream.response.headers
        assert headers["content-type"].partition(";")[0] == "text/event-stream"
        assert "charset=utf-8" in headers["content-type"]
        assert headers["cache-control"] == "no-store"
        assert headers["vary"] == "Accept"
        assert headers["x-accel-buffering"] == "no"
        assert "content-length" not in headers
        assert "content-encoding" not in headers
        head = live.client.head(PATH)
    assert (head.status_code, head.content) == (200, b"")
    differing = {"date", "transfer-encoding", "x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in differing} == {
        n: v for n, v in headers.items() if n not in differing
    }
    live.until_streams(0)


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "text/*;q=0.1, application/json"])
def test_who_accepts_events_is_given_them(live: Live, accept: str) -> None:
    with live.stream(Accept=accept) as stream:
        assert stream.next().kind == "bookmark"


@pytest.mark.parametrize("accept", ["application/json", "text/html", "text/event-stream;q=0, */*"])
def test_who_does_not_accept_events_is_reported(live: Live, accept: str) -> None:
    answer = live.client.get(PATH, headers={"Accept": accept})

    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_there_is_no_other_method(live: Live, method: str) -> None:
    answer = live.client.request(method, PATH)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "query",
    [
        "since=",
        "since=x",
        "since=e-",
        "since=E-1",
        "since=e-1.2.3",
        "since=e-1&since=e-2",
        "since=" + "e" * 33 + "-1",
        "initial=maybe",
        "initial=true&initial=true",
        "limit=5",
        "maxAge=1",
        "cursor=x",
        "view=all",
        "ipVersion=v5",
        "localSubnet=10.0.0.1/8",
        "token=secret",
        "lastEventId=e-1",
    ],
)
def test_what_is_not_a_parameter_is_reported(live: Live, query: str) -> None:
    answer = live.client.get(f"{PATH}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters")
    live.until_streams(0)


def test_a_stream_goes_on_where_another_ended(live: Live, simulator: Simulator) -> None:
    simulator.set_option(Option.ANNOUNCE_COMPLETE)
    first = page(live)
    received = []
    last_id = place(first)
    mirror = Mirror(wants_initial=False)
    mirror.show(first["snapshot"]["epoch"], first["snapshot"]["revision"], contents(first))
    for number in simulator.ids()[:6]:
        mirror.connect()
        # The position that a client resumes from takes precedence over `since`.
        with live.stream(f"?since={place(first)}", **{"Last-Event-ID": last_id}) as stream:
            simulator.delete(number)
            received.append(stream.next())
            mirror.take(received[-1])
            last_id = stream.parser.last_event_id
    assert [event.data["saContextId"] for event in received] == [
        item["saContextId"] for item in first["items"][:6]
    ]
    with live.stream(f"?since={place(first)}") as stream:
        assert [stream.next() for _ in range(6)] == received
    assert mirror.contents == contents(page(live))


@pytest.mark.parametrize("last_id", ["0123456789ab-3", "what is this?", "x" * 500, "0-0"])
def test_an_id_of_nowhere_is_answered_with_a_reset(live: Live, last_id: str) -> None:
    known = page(live)["snapshot"]
    with live.stream(**{"Last-Event-ID": last_id}) as stream:
        reset = stream.next()

        assert reset.kind == "reset"
        assert {n: reset.data[n] for n in ("epoch", "revision")} == {
            n: known[n] for n in ("epoch", "revision")
        }


@pytest.mark.parametrize(
    "query", ["", "&ipVersion=v6", "&trafficType=tunnel&view=basic", "&weakness=no_pfs"]
)
def test_all_that_a_list_shows_comes_at_first_and_stays_so(
    live: Live, simulator: Simulator, query: str
) -> None:
    mirror = Mirror(wants_initial=True, is_basic="basic" in query)
    with live.stream(f"?initial=true{query}") as stream:
        mirror.connect()
        while (event := stream.next()).kind != "snapshot_end":
            mirror.take(event)
        mirror.take(event)
        assert mirror.contents == contents(page(live, query))
        for _ in range(5):
            simulator.churn(30)
            page(live)  # reads all
        while mirror.contents != contents(page(live, query)):
            event = stream.next()
            assert reason_against(event.data, SCHEMA + SHAPES[event.kind]) is None
            mirror.take(event)
        assert mirror.resets == 0
    assert_clean(stream.text.decode())


@pytest.mark.usefixtures("simulator")
def test_there_are_only_so_many_streams() -> None:
    with Live(simulated_contexts=5, max_streams=2) as live:
        with live.stream() as first, live.stream() as second:
            assert {first.next().kind, second.next().kind} == {"bookmark"}
            answer = live.client.get(PATH)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
            assert int(answer.headers["retry-after"]) >= 1
            assert live.client.get("/sa-contexts").status_code == 200
        live.until_streams(0)
        with live.stream() as third:
            assert third.next().kind == "bookmark"


@pytest.mark.usefixtures("simulator")
def test_a_stream_ends_after_its_time() -> None:
    with Live(simulated_contexts=5, max_stream_seconds=0.3) as live:
        began = time.monotonic()
        with live.stream() as stream:
            assert [event.kind for event in stream.rest()] == ["bookmark", "reconnect"]
        assert 0.25 < time.monotonic() - began < 5


def test_an_engine_that_restarts_begins_anew(simulator: Simulator) -> None:
    with (
        Live(
            simulated_contexts=CONTEXTS, refresh_interval_seconds=0.1, refresh_retry_seconds=0.1
        ) as live,
        live.stream("?initial=true") as stream,
        live.stream() as other,
    ):
        mirror = Mirror(wants_initial=True)
        mirror.connect()
        while (event := stream.next()).kind != "snapshot_end":
            mirror.take(event)
        mirror.take(event)
        bookmark = other.next()
        simulator.stop_engine()
        while live.client.get("/health/ready").status_code == 200:
            pass
        simulator.start_engine()
        mirror.take(stream.next())
        assert mirror.resets == 1
        while (event := stream.next()).kind != "snapshot_end":
            mirror.take(event)
        mirror.take(event)
        assert mirror.contents == contents(page(live))
        reset = other.next()
        assert reset.kind == "reset"
        assert reset.data["epoch"] != bookmark.data["epoch"]


def test_an_engine_that_is_down_is_reported(simulator: Simulator) -> None:
    simulator.stop_engine()
    with Live(simulated_contexts=5, refresh_retry_seconds=0.1) as live:
        for query in ("", "?initial=true"):
            answer = live.client.get(f"{PATH}{query}")
            assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
            assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
            assert int(answer.headers["retry-after"]) >= 1
        live.until_streams(0)


def test_the_metrics_show_how_far_the_slowest_stream_is_behind(simulator: Simulator) -> None:
    def lag(live: Live) -> int:
        text = live.client.get("/metrics").text
        assert "\nsa_contexts_net_event_stream_lag_events 0.0\n" in text
        found = re.search(r"^sa_contexts_stream_lag_revisions (\d+)\.0$", text, re.MULTILINE)
        assert found
        return int(found[1])

    with Live(simulated_contexts=4000) as live, live.stream() as stream:
        assert lag(live) == 0
        with closing(deaf_client(live.address[1], "?initial=true")):
            live.until_streams(2)
            began = live.service.store.journal.newest
            for _ in range(3):
                simulator.churn(1)
                page(live, "&view=basic")
            while (newest := live.service.store.journal.newest) - lag(live) != began:
                assert newest - began < 10, "the deaf one takes what it cannot read"
            assert newest - began >= 3
            last = stream.next()
            while last.data["revision"] < newest:
                last = stream.next()
        live.until_streams(1)
        assert lag(live) == 0


def test_all_who_read_are_notified_of_the_stop(simulator: Simulator) -> None:
    with Live(simulated_contexts=2000) as live, ExitStack() as stack:
        streams = [
            stack.enter_context(live.stream(query))
            for query in ("", "?initial=true", "?ipVersion=v6&view=basic", "?since=e-1")
        ]
        deaf = stack.enter_context(deaf_client(live.address[1], "?initial=true"))
        live.until_streams(5)
        for stream in streams:
            stream.next()
        began = time.monotonic()
        live.begin_stop()
        for stream in streams:
            assert stream.rest()[-1].kind == "reconnect"
        live.stop()
        assert time.monotonic() - began < STOP_SECONDS
        deaf.close()
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_process_ends_in_time_with_streams_open(tmp_path: Path, sent: signal.Signals) -> None:
    log = tmp_path / "log"
    settings = {"port": 0, "library": SIMULATOR_PATH, "log_format": "json", "simulated_churn": 100}
    environment = os.environ | {f"SA_CONTEXTS_{n.upper()}": str(v) for n, v in settings.items()}
    command = [sys.executable, "-m", "app", "serve", "--simulated-contexts", "2000"]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, env=environment, stderr=stderr) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        port = _port(process, log)
        client = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
        streams = [
            Stream(stack.enter_context(client.stream("GET", f"{PATH}{query}")))
            for query in ("", "", "?initial=true", "?trafficType=tunnel")
        ]
        for stream in streams:
            stream.next()
        stack.enter_context(deaf_client(port, "?initial=true"))
        stack.enter_context(deaf_client(port, "?initial=true&view=basic"))
        began = time.monotonic()
        process.send_signal(sent)
        ends = [stream.rest()[-1].kind for stream in streams]
        process.wait(20)
        seconds = time.monotonic() - began

    assert ends == ["reconnect"] * 4
    assert process.returncode in (0, -sent)
    assert seconds < STOP_SECONDS
    logged = log.read_text(encoding="utf-8")
    assert "Traceback" not in logged
    assert '"exception"' not in logged
    assert_clean(logged)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Return the address that its log names."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r'"url": "http://127.0.0.1:(\d+)"', log.read_text(encoding="utf-8"))
        if found:
            return int(found[1])
        time.sleep(0.05)  # another process can only be polled
    raise AssertionError(log.read_text(encoding="utf-8"))

"""The request log."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Iterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import structlog
from starlette.types import Message, Receive, Scope, Send

from app.middleware.request_log import RequestLogMiddleware
from app.telemetry.logging import summaries
from app.telemetry.logging.acceptance_summary import AcceptanceSummary
from app.telemetry.logging.configuration import configure_logging
from app.telemetry.logging.rejection_summary import RejectionSummary
from tests.api.live import Live, deaf_client
from tests.api.test_access import bearer
from tests.auth.made import id_of, make_key, run_keys
from tests.conftest import Serve


TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
"""The example of W3C Trace Context, 3.2.3."""

Entries = list[MutableMapping[str, Any]]


@pytest.fixture
def entries() -> Iterator[Entries]:
    """Return the log entries, with the bound context."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as captured:
        yield captured


def of_requests(entries: Entries) -> Entries:
    return [entry for entry in entries if entry["event"] in ("request", "stream_opened")]


def test_a_request_has_one_entry(serve: Serve, tmp_path: Path, entries: Entries) -> None:
    key = make_key(tmp_path / "keys.json", "sa:read", name="grafana")
    client = serve(contexts=3, api_keys_file=tmp_path / "keys.json")

    headers = {**bearer(key), "X-Request-Id": "From-client_1.2", "traceparent": TRACEPARENT}
    response = client.get("/sa-contexts/7?view=basic", headers=headers)

    (entry,) = of_requests(entries)
    assert 0 < entry.pop("seconds") < 30
    assert entry == {
        "event": "request",
        "log_level": "info",
        "request_id": "From-client_1.2",
        "trace_id": TRACE,
        "caller": "grafana",
        "kind": "api_key",
        "credential": id_of(key),
        "scope": "sa:read",
        "client": "testclient",
        "method": "GET",
        "route": "/sa-contexts/{saContextId}",
        "path": "/sa-contexts/7",
        "status": response.status_code,
        "code": response.json()["code"],
        "bytes": len(response.content),
    }
    assert response.headers["X-Request-Id"] == "From-client_1.2"


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "a\tb", "a\x7f", "a/b", '"a"'])
def test_an_id_that_could_do_harm_is_not_taken(serve: Serve, given: str) -> None:
    client = serve()
    answers = [client.get("/health/live", headers={"X-Request-Id": given}) for _ in range(2)]

    first, second = (answer.headers["X-Request-Id"] for answer in answers)
    assert first != second
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in (first, second))


@pytest.mark.parametrize(
    "given",
    [
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        TRACE,
    ],
)
def test_a_trace_that_is_none_is_not_reported(serve: Serve, entries: Entries, given: str) -> None:
    """Trace Context, 3.2.2: zeros, version ff and capitals are invalid."""
    serve().get("/engine", headers={"traceparent": given})

    (entry,) = of_requests(entries)
    assert "trace_id" not in entry


def test_every_answer_has_an_id(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    client = serve(contexts=1)
    monkeypatch.setattr("app.api.engine.engine_connection", fail, raising=False)
    monkeypatch.setattr("app.repository.store.Store.is_ready", property(fail))
    answers = [
        client.request(method, path)
        for method, path in [
            ("GET", "/sa-contexts"),
            ("HEAD", "/sa-contexts"),
            ("GET", "/"),
            ("GET", "/nowhere"),
            ("POST", "/engine"),
            ("GET", "/sa-contexts?limit=0"),
            ("GET", "/metrics"),
            ("GET", "/health/ready"),
        ]
    ]

    assert {answer.status_code for answer in answers} >= {200, 404, 405, 422, 500}
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers)


def test_whatever_is_logged_for_a_request_has_its_id(
    serve: Serve, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    client = serve()
    monkeypatch.setattr("app.repository.store.Store.is_ready", property(fail))

    response = client.get("/health/ready")

    assert response.status_code == 500
    (failed,) = [entry for entry in entries if entry["event"] == "request_failed"]
    (ended,) = of_requests(entries)
    assert failed["request_id"] == ended["request_id"] == response.headers["X-Request-Id"]
    assert ended["code"] == "internal_error"


def test_what_the_server_beneath_logs_has_the_id(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("app.repository.store.Store.is_ready", property(fail))
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    request.addfinalizer(partial(configure_logging, "json", "debug"))
    with Live(simulated_contexts=1) as live:
        good = live.client.get("/health/live")
        failed = live.client.get("/health/ready")

    logging.getLogger().handlers[0].flush()
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    failures = [entry for entry in entries if "exception" in entry]
    logged = {entry.get("request_id") for entry in failures if "work" not in entry}  # no request's
    assert logged == {failed.headers["X-Request-Id"]}
    assert logged != {good.headers["X-Request-Id"]}


@pytest.mark.parametrize(
    ("logged", "paths"),
    [
        ("all", ["/sa-contexts", "/nowhere", "/metrics"]),
        ("problems", ["/nowhere"]),
        ("off", []),
    ],
)
def test_one_may_choose(serve: Serve, entries: Entries, logged: str, paths: list[str]) -> None:
    client = serve(log_requests=logged)
    for path in ("/sa-contexts", "/nowhere", "/metrics"):
        client.get(path)

    assert [entry["path"] for entry in of_requests(entries)] == paths


def test_machines_requests_are_for_debugging(serve: Serve, entries: Entries) -> None:
    client = serve()
    for path in ("/metrics", "/health/live", "/health/ready", "/engine"):
        client.get(path)

    assert [entry["log_level"] for entry in of_requests(entries)] == ["debug"] * 3 + ["info"]


def test_no_query_and_no_long_path_is_reported(serve: Serve, entries: Entries) -> None:
    client = serve()
    client.get("/sa-contexts?localSubnet=10.0.0.0/8&access_token=mF_9.B5f-4.1JqM")
    client.get("/" + "x" * 5000)

    queried, long = of_requests(entries)
    assert not re.search("10.0.0.0|mF_9", str(queried))
    assert long["path"] == "/" + "x" * 199
    assert long["route"] == "unmatched"


def test_rejections_without_a_caller_are_logged_together(
    serve: Serve, tmp_path: Path, entries: Entries
) -> None:
    key = make_key(tmp_path / "keys.json", "metrics:read")
    client = serve(api_keys_file=tmp_path / "keys.json")
    for _ in range(50):
        client.get("/engine")
    client.get("/engine", headers=bearer(key[:-1] + "!"))
    client.get(
        "/engine", headers=bearer(key)
    )  # authenticated, but without the scope: an entry of its own

    assert [(each["caller"], each["code"]) for each in of_requests(entries)] == [
        ("monitor", "insufficient_scope")
    ]
    client.app.state.metrics.rejection_summary.flush()  # type: ignore[attr-defined]  # an application's
    (logged,) = [entry for entry in entries if entry["event"] == "requests_rejected"]
    assert logged["count"] == 51
    assert logged["reasons"] == {"malformed": 1, "missing": 50}
    assert (logged["addresses"], logged["top_addresses"]) == (1, {"testclient": 51})


@pytest.mark.parametrize(("host", "code"), [("a b", "bad_request"), ("a.b", "unknown_host")])
def test_requests_for_another_host_are_logged_together(
    serve: Serve, entries: Entries, host: str, code: str
) -> None:
    client = serve()
    for _ in range(5):
        client.get("/engine", headers={"host": host})
    client.app.state.metrics.rejection_summary.flush()  # type: ignore[attr-defined]  # an application's

    assert of_requests(entries) == []
    assert [(entry["code"], entry["count"]) for entry in entries if "code" in entry] == [(code, 5)]


def test_rejections_before_a_request_are_logged_with_the_rest(
    entries: Entries,
) -> None:
    rejected = RejectionSummary()
    for number in range(3000):
        rejected.record(
            "bad_request", f"192.0.2.{number % 7}" if number < 700 else f"2001:db8::{number}"
        )
    for _ in range(9):
        rejected.record("request_timeout", "192.0.2.1")
    rejected.flush()
    rejected.flush()

    first, second = entries
    assert (first["code"], first["count"]) == ("bad_request", 3000)
    assert first["addresses"] == summaries.MAX_ADDRESSES == 1000
    assert first["top_addresses"] == {f"192.0.2.{number}": 100 for number in range(5)}
    assert (second["code"], second["count"], second["top_addresses"]) == (
        "request_timeout",
        9,
        {"192.0.2.1": 9},
    )
    assert "reasons" not in second


def test_a_stream_is_logged_when_it_begins_and_ends(entries: Entries) -> None:
    with Live(simulated_contexts=1) as live:
        with live.stream() as stream:
            stream.next()
            (opened,) = of_requests(entries)
        live.until_streams(0)
    _, closed = (entry for entry in of_requests(entries) if entry["log_level"] == "info")

    assert opened["event"] == "stream_opened"
    assert opened["request_id"] == closed["request_id"]
    assert closed["route"] == "/sa-contexts/events"
    assert (closed["status"], closed["outcome"]) == (200, "client_disconnected")
    assert closed["bytes"] > 0


@pytest.mark.parametrize("ended", ["revoked", "server_stops", "too_long"])
def test_the_log_says_why_the_server_ended_a_stream(
    entries: Entries, tmp_path: Path, ended: str
) -> None:
    keys = tmp_path / "keys.json"
    key = make_key(keys, "events:read")
    seconds = 0.3 if ended == "too_long" else 3600
    with (
        Live(simulated_contexts=1, api_keys_file=keys, max_stream_seconds=seconds) as live,
        live.stream(**bearer(key)) as stream,
    ):
        if ended == "revoked":
            run_keys("revoke", id_of(key), path=keys)
        elif ended == "server_stops":
            live.begin_stop()
        assert stream.rest()[-1].kind == "reconnect"
    assert [each["outcome"] for each in of_requests(entries) if each["event"] == "request"] == [
        ended
    ]


def test_a_stream_without_a_reader_ends_with_the_server(entries: Entries) -> None:
    with Live(simulated_contexts=2000) as live:
        deaf = deaf_client(live.address[1], "?initial=true")
        deadline = time.monotonic() + 60
        while not any(each["event"] == "stream_opened" for each in entries):
            assert time.monotonic() < deadline
            live.client.get("/health/live")
        live.stop()
        deaf.close()

    logged = [each for each in of_requests(entries) if each["route"] == "/sa-contexts/events"]
    assert [each.get("outcome") for each in logged] == [None, "server_stops"]


def test_requests_of_one_connection_do_not_share_an_id(entries: Entries) -> None:
    with Live(simulated_contexts=1) as live, httpx2.Client(base_url=live.client.base_url) as client:
        first = client.get("/engine", headers={"traceparent": TRACEPARENT, "X-Request-Id": "one"})
        second = client.get("/engine")

    logged = {entry["request_id"]: entry.get("trace_id") for entry in of_requests(entries)}
    assert logged == {"one": TRACE, second.headers["X-Request-Id"]: None}
    assert first.headers["X-Request-Id"] == "one"


@pytest.mark.anyio
async def test_a_client_that_leaves_before_the_answer_is_reported(entries: Entries) -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await anyio.sleep_forever()

    async def nothing() -> Message:
        raise AssertionError

    async def drop(_message: Message) -> None:
        raise AssertionError

    scope: Scope = {"type": "http", "method": "GET", "path": "/a", "headers": [], "client": None}
    with anyio.move_on_after(0):
        await RequestLogMiddleware(never, "problems", RejectionSummary(), AcceptanceSummary())(
            scope, nothing, drop
        )

    (entry,) = of_requests(entries)
    assert (entry["status"], entry["outcome"], entry["client"]) == (
        None,
        "client_disconnected",
        "unknown",
    )

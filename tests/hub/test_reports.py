"""Reports that mean harm: each has one answer, and changes nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.fleet.wire import MAX_CONTENT_BYTES, MAX_LINES
from app.hub.ingest.reports import ReportUnreadable, read_changes, read_part
from tests.hub.conftest import Enrolled
from tests.hub.reporting import added, changes, deleted, encoded, hashed, part, sa_context, whole


HEAD = {"channel": "sa-contexts", "epoch": "a", "after": 1, "revision": 2}
LINE = added(2, sa_context(7))


def bomb() -> bytes:
    """Return a body that is small and unfolds to a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(b"\n" * (64 << 20)) + packer.flush()


BODIES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "not compressed": lambda: orjson.dumps(HEAD),
    "cut off": lambda: changes(1, 2, [LINE])[:-9],
    "a bomb": bomb,
    "no line": lambda: gzip.compress(b""),
    "too many lines": lambda: encoded([HEAD] + [LINE] * MAX_LINES),
    "too large": lambda: gzip.compress(b" " * (MAX_CONTENT_BYTES + 1)),
    "not JSON": lambda: gzip.compress(b"{"),
    "not UTF-8": lambda: gzip.compress(b'{"a":"\xff"}'),
    "no object": lambda: gzip.compress(b"[]"),
    "deep": lambda: gzip.compress(b"[" * 100_000),
    "another channel": lambda: encoded([{**HEAD, "channel": "ike-sas"}]),
    "an epoch with a blank": lambda: encoded([{**HEAD, "epoch": "a b"}]),
    "a negative revision": lambda: encoded([{**HEAD, "after": -1}]),
    "an absurd revision": lambda: encoded([{**HEAD, "revision": 1 << 63}]),
    "no later revision": lambda: changes(2, 2),
    "a change before": lambda: changes(1, 2, [added(1, sa_context(7))]),
    "a change beyond": lambda: changes(1, 2, [added(3, sa_context(7))]),
    "revisions that fall": lambda: changes(1, 3, [deleted(3, 7), deleted(2, 7)]),
    "no such kind": lambda: changes(1, 2, [{**LINE, "kind": "moved"}]),
    "an object that was deleted": lambda: changes(1, 2, [{**LINE, "kind": "deleted"}]),
    "no object that was added": lambda: changes(1, 2, [{**deleted(2, 7), "kind": "added"}]),
    "an absurd id": lambda: changes(1, 2, [deleted(2, 1 << 64)]),
    "an id that is no number": lambda: changes(1, 2, [{**deleted(2, 7), "id": "x"}]),
    "the id of another": lambda: changes(1, 2, [{**LINE, "id": "8"}]),
    "another shape": lambda: changes(1, 2, [added(2, sa_context(7, inboundSa={}))]),
    "an unknown member": lambda: changes(1, 2, [added(2, sa_context(7, html="<b>"))]),
    "a key": lambda: changes(1, 2, [added(2, sa_context(7, authKey="00"))]),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_report_that_means_harm_changes_nothing(
    hub: TestClient, enrolled: Enrolled, what: str
) -> None:
    agent = enrolled()
    agent.report("snapshots", part(1, [whole(sa_context(6))], is_first=True, is_last=True))

    answer = agent.report("changes", BODIES[what]())
    assert (answer.status_code, answer.json()["code"]) == (422, "report_unreadable")
    (host,) = hub.get("/hosts").json()["items"]
    assert (host["revision"], host["saContexts"]) == (1, 1)
    assert agent.report("changes", changes(1, 2, [LINE])).json() == {
        "position": {"epoch": "a", "revision": 2},
        "need": [],
    }


@pytest.mark.parametrize(
    "line",
    [
        {"id": "7"},
        {"id": "7", "hash": "00"},
        {"hash": "00" * 8},
        {**whole(sa_context(7)), "id": "8"},
        {**hashed(sa_context(7)), "object": None},
    ],
)
def test_a_part_that_means_harm_changes_nothing(enrolled: Enrolled, line: dict[str, Any]) -> None:
    agent = enrolled()

    answer = agent.report("snapshots", part(1, [line], is_first=True, is_last=True))
    assert (answer.status_code, answer.json()["code"]) == (422, "report_unreadable")
    agent.open_session()
    assert agent.positions == {}


@given(st.binary(max_size=200), st.booleans())
def test_whatever_arrives_is_read_or_rejected(content: bytes, is_compressed: bool) -> None:
    body = gzip.compress(content) if is_compressed else content
    for read in (read_changes, read_part):
        with pytest.raises(ReportUnreadable):
            read(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"[" * 9999, b" " * (65 << 10)])
@pytest.mark.parametrize("path", ["enrolments", "sessions", "heartbeats"])
def test_a_body_that_is_no_request_is_rejected(enrolled: Enrolled, path: str, body: bytes) -> None:
    answer = enrolled().report(path, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "report_unreadable")


def test_the_position_that_the_hub_has_is_told(enrolled: Enrolled) -> None:
    agent = enrolled()

    answer = agent.report("changes", changes(1, 2, [LINE]))
    assert (answer.status_code, answer.json()["code"]) == (409, "position_differs")
    assert answer.json()["position"] is None
    agent.report("snapshots", part(5, is_first=True, is_last=True))
    answer = agent.report("changes", changes(6, 7))
    assert answer.json()["position"] == {"epoch": "a", "revision": 5}
    agent.open_session()
    assert agent.positions == {"sa-contexts": {"epoch": "a", "revision": 5}}

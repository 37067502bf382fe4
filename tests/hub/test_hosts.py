"""`/hosts`: which hosts there are, and how current what is known of them is."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.hub.bootstrap import create_hub
from app.hub.hosts.presence import HostState, Presence
from app.hub.main import create_hub_app
from app.hub.service import HubService
from app.hub.store import Host, Seen
from tests.hub.conftest import Enrolled, hub_settings
from tests.hub.reporting import Agent, part, sa_context, whole


def host(seen_at: float | None = None) -> Host:
    about: Any = {"name": "x", "version": "1", "enrolled_at": 0, "enrolled_with": "t"}
    return Host(id="aa" * 16, seen_at=seen_at, **about)


def presence(now: list[float]) -> Presence:
    return Presence(hub_settings(heartbeat_seconds=10, lost_seconds=100), lambda: now[0])


def test_a_silent_host_is_late_and_then_lost() -> None:
    now = [1000.0]
    made = presence(now)
    made.see("aa" * 16)

    states = []
    for now[0] in (1030.0, 1031.0, 1100.0, 1101.0):
        states.append(made.state_of(host()))
    assert states == [HostState.CURRENT, HostState.LATE, HostState.LATE, HostState.LOST]
    made.see("aa" * 16)
    assert made.state_of(host()) is HostState.CURRENT


def test_nobody_is_late_because_the_hub_was_away() -> None:
    now = [1000.0]
    made = presence(now)

    assert made.state_of(host(seen_at=1)) is HostState.CURRENT
    now[0] += 31
    assert made.state_of(host(seen_at=1)) is HostState.LATE


def test_a_skew_of_the_clock_is_kept_until_the_host_says_another() -> None:
    now = [1000.0]
    made = presence(now)

    made.see("aa" * 16, 1007)
    made.see("aa" * 16)
    assert made.of(host()) == Seen("aa" * 16, 1000, 7)
    assert made.take_unwritten() == [Seen("aa" * 16, 1000, 7)]
    assert made.take_unwritten() == []
    made.put_back([Seen("aa" * 16, 1000, 7)])
    assert len(made.take_unwritten()) == 1


def test_a_host_is_shown_with_what_it_reported(hub: TestClient, enrolled: Enrolled) -> None:
    agent = enrolled("WEB01")
    (before,) = hub.get("/hosts").json()["items"]
    assert (before["reportedAt"], before["epoch"], before["saContexts"]) == (None, None, 0)

    body = part(4, [whole(sa_context(7))], is_first=True, is_last=True)
    assert agent.report("snapshots", body).json()["position"] == {"epoch": "a", "revision": 4}
    gap = {"since": 10, "until": 20, "changes": 3}
    assert agent.beat(time=time.time() + 3600, gaps=[gap]).json()["differs"] == []

    shown = hub.get(f"/hosts/{agent.host_id}").json()
    assert shown == hub.get("/hosts").json()["items"][0]
    assert (shown["name"], shown["state"], shown["version"]) == ("WEB01", "current", "0.1.0")
    assert (shown["epoch"], shown["revision"], shown["saContexts"]) == ("a", 4, 1)
    assert shown["enrolledWith"] == "by a test"
    assert 3500 < shown["clockSkewSeconds"] <= 3600
    assert shown["gaps"] == [
        {"since": "1970-01-01T00:00:10Z", "until": "1970-01-01T00:00:20Z", "changes": 3}
    ]


def test_a_gap_is_stored_once_and_the_newest_are_kept(hub: TestClient, enrolled: Enrolled) -> None:
    agent = enrolled()
    gaps = [{"since": 10 * n, "until": 10 * n + 1, "changes": 1} for n in range(150)]
    for some in (gaps[:100], gaps[:100], gaps[100:]):
        assert agent.beat(gaps=some).status_code == 200

    found = hub.get(f"/hosts/{agent.host_id}").json()["gaps"]
    assert len(found) == 100
    assert found[-1]["since"] == "1970-01-01T00:24:50Z"


@pytest.mark.parametrize("moment", [-1, 1e12, 1e300])
def test_a_time_that_no_calendar_has_is_rejected(
    hub: TestClient, enrolled: Enrolled, moment: float
) -> None:
    agent = enrolled()
    gap = {"since": 10, "until": 20, "changes": 3}
    for about in ({"time": moment}, {"gaps": [{**gap, "since": moment}]}):
        answer = agent.beat(**about)
        assert (answer.status_code, answer.json()["code"]) == (422, "report_unreadable")
    assert agent.beat(gaps=[{**gap, "until": moment}]).status_code == 422

    assert hub.get("/hosts").json()["items"][0]["gaps"] == []


def test_a_walk_shows_each_host_once(hub: TestClient, enrolled: Enrolled) -> None:
    ids = sorted(enrolled(f"H{number}").host_id for number in range(5))
    found: list[str] = []
    page = hub.get("/hosts?limit=2").json()
    while True:
        found += [item["hostId"] for item in page["items"]]
        if "nextCursor" not in page:
            break
        page = hub.get(f"/hosts?limit=2&cursor={page['nextCursor']}").json()
    assert found == ids


def test_hosts_are_found_by_name_and_state(hub: TestClient, enrolled: Enrolled) -> None:
    enrolled("WEB01"), enrolled("web01"), enrolled("DB")

    names = [item["name"] for item in hub.get("/hosts?name=Web01").json()["items"]]
    assert sorted(names) == ["WEB01", "web01"]
    assert len(hub.get("/hosts?state=current&state=late").json()["items"]) == 3
    assert hub.get("/hosts?state=lost").json() == {"items": []}


@pytest.mark.parametrize(
    "query", ["limit=0", "cursor=x", "state=gone", "sort=name", "limit=1&limit=2"]
)
def test_a_wrong_parameter_is_named(hub: TestClient, query: str) -> None:
    answer = hub.get(f"/hosts?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters")


def test_an_unknown_host_is_a_problem(hub: TestClient) -> None:
    answer = hub.get(f"/hosts/{'0' * 32}")
    assert (answer.status_code, answer.json()["code"]) == (404, "host_not_found")


def test_signs_of_life_outlive_the_hub(tmp_path: Path, service: HubService, token: str) -> None:
    with TestClient(create_hub_app(service), "http://localhost") as hub:
        agent = Agent(hub, token)
        agent.enrol()
        seen = hub.get(f"/hosts/{agent.host_id}").json()["lastSeen"]

    again = create_hub(hub_settings(database=tmp_path / "hub.db"))
    with TestClient(create_hub_app(again), "http://localhost") as hub:
        assert hub.get(f"/hosts/{agent.host_id}").json()["lastSeen"] == seen


def test_a_database_that_cannot_be_written_is_a_problem(enrolled: Enrolled, tmp_path: Path) -> None:
    agent = enrolled()
    with closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = agent.report("snapshots", part(1, is_first=True, is_last=True))

    assert (answer.status_code, answer.json()["code"]) == (503, "hub_busy")
    assert answer.headers["retry-after"] == "5"
    assert agent.report("snapshots", part(1, is_first=True, is_last=True)).status_code == 200


def test_the_hub_is_live_and_ready(hub: TestClient) -> None:
    assert hub.get("/health/live").json() == {"status": "live"}
    assert hub.get("/health/ready").json() == {"status": "ready"}
    assert b"sa_contexts_problems_total" in hub.get("/metrics").content
    assert hub.get("/problems/host_not_found").status_code == 200

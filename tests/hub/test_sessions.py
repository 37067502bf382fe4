"""Enrolment and sessions: who may report, and as whom."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.hub.credentials import NONCE_SECONDS, Nonces
from app.hub.service import HubService
from tests.hub.conftest import Enrolled, add_token
from tests.hub.reporting import Agent, added, changes, part, sa_context


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_token_enrols_a_host_once(hub: TestClient, service: HubService) -> None:
    token = add_token(service, uses=1)
    agent = Agent(hub, token)

    assert agent.enrol().json() == {"hostId": agent.host_id}
    assert agent.enrol().json() == {"hostId": agent.host_id}
    assert code(Agent(hub, token).enrol()) == (403, "enrolment_token_rejected")
    assert [item["hostId"] for item in hub.get("/hosts").json()["items"]] == [agent.host_id]


@pytest.mark.parametrize("token", ["", "sat_0123_x", "x" * 256])
def test_an_unknown_token_enrols_nobody(hub: TestClient, token: str) -> None:
    assert code(Agent(hub, token).enrol()) == (403, "enrolment_token_rejected")
    assert hub.get("/hosts").json() == {"items": []}


def test_an_expired_token_enrols_nobody(hub: TestClient, service: HubService) -> None:
    token = add_token(service, expires_at=time.time() - 1)

    assert code(Agent(hub, token).enrol()) == (403, "enrolment_token_rejected")


def test_a_host_that_is_not_enrolled_gets_no_session(hub: TestClient, token: str) -> None:
    assert code(Agent(hub, token).open_session()) == (403, "host_not_enrolled")


@pytest.mark.parametrize(
    "changed",
    [{"instance": "0" * 16}, {"nonce": "00" * 32}, {"signature": "00" * 64}],
)
def test_what_was_not_signed_opens_no_session(enrolled: Enrolled, changed: dict[str, str]) -> None:
    agent = enrolled()

    request = agent.request_of_session(**changed)
    assert code(agent.open_session(request)) == (403, "signature_rejected")


def test_nobody_opens_a_session_for_another_host(enrolled: Enrolled) -> None:
    victim, other = enrolled(), enrolled()

    request = other.request_of_session(hostId=victim.host_id)
    assert code(other.open_session(request)) == (403, "signature_rejected")
    assert victim.report("changes", changes(0, 1)).status_code == 409  # its session is valid


def test_a_request_for_a_session_is_accepted_once(enrolled: Enrolled) -> None:
    agent = enrolled()
    request = agent.request_of_session()

    assert agent.open_session(request).status_code == 201
    assert code(agent.open_session(request)) == (403, "signature_rejected")


def test_an_earlier_nonce_is_not_accepted_after_a_later_one(enrolled: Enrolled) -> None:
    agent = enrolled()
    earlier, later = agent.request_of_session(), agent.request_of_session()

    assert agent.open_session(later).status_code == 201
    assert code(agent.open_session(earlier)) == (403, "signature_rejected")


def test_a_nonce_expires() -> None:
    now = [1000.0]
    nonces = Nonces(b"secret", lambda: now[0])
    nonce = nonces.new()

    now[0] += NONCE_SECONDS
    assert nonces.time_of(nonce) == 1_000_000_000
    now[0] += 0.1
    assert nonces.time_of(nonce) is None
    assert Nonces(b"another", lambda: 1000.0).time_of(nonce) is None


def test_a_new_session_supersedes_the_last(hub: TestClient, enrolled: Enrolled) -> None:
    agent = enrolled()
    before = dict(agent._headers)  # noqa: SLF001  # of the last session
    agent.open_session()

    for path, body in (("changes", changes(0, 1)), ("snapshots", part(1, is_first=True))):
        answer = hub.post(f"/fleet/v1/{path}", content=body, headers=before)
        assert code(answer) == (401, "unauthenticated")
    assert agent.report("snapshots", part(1, is_first=True, is_last=True)).status_code == 200


@pytest.mark.parametrize("path", ["changes", "snapshots", "heartbeats"])
def test_without_a_session_nothing_is_taken(hub: TestClient, path: str) -> None:
    assert code(hub.post(f"/fleet/v1/{path}", content=b"")) == (401, "unauthenticated")
    headers = {"Authorization": "Bearer sas_unknown"}
    answer = hub.post(f"/fleet/v1/{path}", content=b"", headers=headers)
    assert code(answer) == (401, "unauthenticated")


def test_agents_read_nothing(hub: TestClient, enrolled: Enrolled) -> None:
    headers = enrolled()._headers  # noqa: SLF001

    assert code(hub.get("/hosts", headers=headers)) == (403, "insufficient_scope")


def test_a_host_writes_its_own_rows_only(hub: TestClient, enrolled: Enrolled) -> None:
    one, other = enrolled("ONE"), enrolled("OTHER")
    for agent in (one, other):
        agent.report("snapshots", part(1, is_first=True, is_last=True))
    other.report("changes", changes(1, 2, [added(2, sa_context(7))]))

    counts = {item["name"]: item["saContexts"] for item in hub.get("/hosts").json()["items"]}
    assert counts == {"ONE": 0, "OTHER": 1}

"""`/failures`: the texts for everyone, the counts for callers with `diagnostics:read`."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import quote

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.failures import occurrences
from app.answers.failures.catalogue import entries
from app.answers.failures.occurrences import MAX_AT_ONCE, Occurrences, count, count_fairly
from app.answers.failures.schema import FailureExplanation, FailureList
from app.repository.fairness import FairLimiter
from app.resources.net_events.buffer import BufferedEvent
from app.resources.net_events.encoding import FailureFacts
from app.resources.net_events.names import FailurePoint, NetEventType
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.conftest import Serve


MAIN_MODE, QUICK_MODE, KERNEL_DROP = 0, 1, 4


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def readers(keys: Path) -> dict[str, dict[str, str]]:
    """Return the header of a caller with each scope."""
    scopes = ("sa:read", "diagnostics:read")
    return {scope: {"Authorization": f"Bearer {make_key(keys, scope)}"} for scope in scopes}


@pytest.fixture
def guarded(serve: Serve, keys: Path, readers: dict[str, Any]) -> TestClient:
    assert readers
    return serve(contexts=10, api_keys_file=keys, heartbeat_interval_seconds=0.01)


def get(client: TestClient, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


@pytest.mark.parametrize(
    ("form", "id_"),
    [
        ("13868", "13868"),
        ("0x362C", "13868"),
        ("ERROR_IPSEC_IKE_POLICY_MATCH", "13868"),
        ("error_ipsec_ike_policy_match", "13868"),
        ("ras-13868", "13868"),
        ("-2146762487", "0x800b0109"),
        ("2148204809", "0x800b0109"),
        ("0x80070005", "5"),
        ("event-4653", "event-4653"),
        ("Event 4653", "event-4653"),
        ("4653", "event-4653"),
        ("ras-809", "ras-809"),
        ("809", "ras-809"),
        ("ERROR_VPN_TIMEOUT", "ras-809"),
    ],
)
def test_a_failure_is_found_in_every_form(client: TestClient, form: str, id_: str) -> None:
    get(client, "/net-events")  # waits for the first session, and so for counts
    shown = get(client, f"/failures/{quote(form)}")

    explained = FailureExplanation.model_validate(shown)
    assert explained.id == id_
    assert shown == get(client, f"/failures/{id_}")


def test_the_list_has_each_failure_once(client: TestClient) -> None:
    shown = get(client, "/failures")

    items = FailureList.model_validate(shown).items
    assert [item.id for item in items] == [*entries()]
    for item in items[::40]:
        one = get(client, f"/failures/{item.id}")
        assert one["sides"]["unknown"]["explanation"] == item.explanation
        assert (one["code"], one["name"], one["codeHex"]) == (item.code, item.name, item.code_hex)


@pytest.mark.parametrize("families", [["ras"], ["event", "ras"], ["ntstatus", "win32"]])
def test_the_list_is_chosen_by_family(client: TestClient, families: list[str]) -> None:
    items = get(client, "/failures")["items"]
    chosen = get(client, "/failures?" + "&".join(f"family={each}" for each in families))["items"]

    assert chosen == [item for item in items if item["family"] in families] != []


@pytest.mark.parametrize(
    "code", ["99999", "xyz", "event-1", "ras-1", "ERROR_NOPE", "0x", "a" * 100, "%20", "%00", "%F0"]
)
def test_an_unknown_code_is_answered_with_the_accepted_forms(client: TestClient, code: str) -> None:
    response = client.get(f"/failures/{code}")

    problem = assert_problem(response, 404, "failure_not_found")
    for form in ("13868", "-2146762487", "0x", "ERROR_IPSEC_IKE_POLICY_MATCH", "event-", "ras-"):
        assert form in problem["detail"]


def test_a_code_with_a_name_but_no_explanation_is_named(client: TestClient) -> None:
    problem = assert_problem(client.get("/failures/0x80090306"), 404, "failure_not_found")

    assert problem["detail"].startswith("SEC_E_NOT_OWNER is not explained.")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/failures?family=wfp", "family"),
        ("/failures?occurred=perhaps", "occurred"),
        ("/failures?occurred=true&occurred=false", "occurred"),
        ("/failures?code=13868", "code"),
        ("/failures/13868?side=me", "side"),
    ],
)
def test_a_bad_parameter_is_rejected(client: TestClient, path: str, parameter: str) -> None:
    response = client.get(path)

    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["parameter"].partition(".")[0] == parameter


def test_a_code_that_is_too_long_is_rejected(client: TestClient) -> None:
    assert client.get("/failures/" + "1" * 101).status_code == 422


def test_texts_need_no_credential_and_counts_do(
    guarded: TestClient, readers: dict[str, dict[str, str]], simulator: Simulator
) -> None:
    simulator.net_event(MAIN_MODE, 13868)
    assert simulator.flush()
    get(guarded, "/net-events", readers["diagnostics:read"])

    for path in ("/failures/13868", "/failures"):
        public = get(guarded, path)
        assert "occurrences" not in str(public)
        assert get(guarded, path, readers["sa:read"]) == public
        counted = get(guarded, path, readers["diagnostics:read"])
        assert "'occurrences': {'total': 1" in str(counted)
    assert "occurrences" not in get(guarded, "/failures/ras-809", readers["diagnostics:read"])


def test_a_credential_must_be_valid_if_it_is_sent(
    guarded: TestClient, readers: dict[str, dict[str, str]]
) -> None:
    for path in ("/failures", "/failures/13868"):
        for credential in ("Bearer nonsense", "Basic dTpw", f"{readers['sa:read']}x"):
            response = guarded.get(path, headers={"Authorization": credential})
            assert_problem(response, 401, "unauthenticated")


def test_rejected_credentials_are_limited_here_too(serve: Serve, keys: Path) -> None:
    make_key(keys, "sa:read")
    client = serve(api_keys_file=keys, rate_limit_rejections=3)

    statuses = [
        client.get("/failures/13868", headers={"Authorization": f"Bearer guess{n}"}).status_code
        for n in range(6)
    ]

    assert statuses == [401, 401, 401, 429, 429, 429]


def test_only_what_occurred_requires_the_scope(
    guarded: TestClient, readers: dict[str, dict[str, str]]
) -> None:
    path = "/failures?occurred=true"

    assert_problem(guarded.get(path), 401, "unauthenticated")
    denied = guarded.get(path, headers=readers["sa:read"])
    assert_problem(denied, 403, "insufficient_scope")
    assert 'scope="diagnostics:read"' in denied.headers["www-authenticate"]
    assert get(guarded, path, readers["diagnostics:read"]) == {"items": []}


def test_counts_are_those_of_the_listed_net_events(
    client: TestClient, simulator: Simulator
) -> None:
    get(client, "/net-events")
    simulator.net_events(400, 3)
    assert simulator.flush()
    events = get(client, "/net-events?limit=1000")["items"]
    failures = [event for event in events if event["error"]]
    points = {"ikeMmFailure", "ikeQmFailure", "ikeEmFailure"}

    def point(event: dict[str, Any]) -> str:
        for member in points & set(event):
            shown: str = event[member]["failurePoint"]
            return shown
        return "me"  # a drop

    occurred = get(client, "/failures?occurred=true")["items"]

    explained = {entry.code for entry in entries().values()}
    totals = Counter(event["error"]["code"] for event in failures)
    assert {item["code"]: item["occurrences"]["total"] for item in occurred} == {
        code: total for code, total in totals.items() if code in explained
    }
    assert len(occurred) > 5
    ordered = [item["occurrences"]["total"] for item in occurred]
    assert ordered == sorted(ordered, reverse=True)
    for item in occurred:
        its = [event for event in failures if event["error"]["code"] == item["code"]]
        assert item["occurrences"] == {
            "total": len(its),
            "me": sum(point(event) == "me" for event in its),
            "peer": sum(point(event) == "peer" for event in its),
            "peers": len({event["remoteAddress"] for event in its} - {None}),
            "newest": max(event["time"] for event in its),
        }
        assert get(client, f"/failures/{item['id']}")["occurrences"] == item["occurrences"]
        listed = get(client, f"/net-events?error={item['id']}&limit=1000")["items"]
        assert listed == its


@pytest.mark.parametrize(("extra", "is_in_a_thread"), [(0, False), (1, True)])
def test_many_events_are_counted_in_a_thread(
    monkeypatch: pytest.MonkeyPatch, extra: int, *, is_in_a_thread: bool
) -> None:
    threads: list[int] = []
    facts = FailureFacts(7, FailurePoint.ME, None, None)
    event = BufferedEvent(
        1, datetime.now(UTC), NetEventType.IPSEC_KERNEL_DROP, bytes(4), facts, b"{}"
    )

    def spy(events: Iterable[BufferedEvent], error: int | None = None) -> dict[int, Occurrences]:
        threads.append(get_ident())
        return count(events, error)

    monkeypatch.setattr(occurrences, "count", spy)
    buffer: Any = [event] * (MAX_AT_ONCE + extra)

    counts = asyncio.run(count_fairly(buffer, FairLimiter(1), 7))

    assert counts[7].total == len(buffer)
    assert [each != get_ident() for each in threads] == [is_in_a_thread]


def test_counts_are_null_if_no_net_events_could_be_read(serve: Serve, simulator: Simulator) -> None:
    simulator.fail("FwpmEngineOpen0", 1753, times=0)
    client = serve(engine_timeout_seconds=0.01)

    assert get(client, "/failures/13868")["occurrences"] is None
    assert get(client, "/failures?occurred=true") == {"items": []}
    simulator.clear_failures()


def test_counting_costs_the_engine_nothing(serve: Serve, simulator: Simulator) -> None:
    client = serve(heartbeat_interval_seconds=3600)
    get(client, "/net-events")
    get(client, "/tunnels")  # whose policies are also read without a request
    before = simulator.calls()
    for _ in range(20):
        get(client, "/failures")
        get(client, "/failures/13868")

    assert simulator.calls() == before


def test_caches_may_keep_the_texts_but_not_the_counts(
    guarded: TestClient, readers: dict[str, dict[str, str]]
) -> None:
    for path in ("/failures", "/failures/13868"):
        public = guarded.get(path)
        assert public.headers["cache-control"] == "public, max-age=86400"
        assert "Authorization" in public.headers["vary"]
        again = guarded.get(path, headers={"If-None-Match": public.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        counted = guarded.get(path, headers=readers["diagnostics:read"])
        assert counted.headers["cache-control"] == "no-store"
        assert "etag" not in counted.headers
    plain = guarded.get("/failures", headers={"Accept-Encoding": "identity"})
    packed = guarded.get("/failures", headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)


def test_the_problem_does_not_repeat_what_was_sent(client: TestClient) -> None:
    sent = os.urandom(8).hex()

    assert sent not in client.get(f"/failures/{sent}").json()["detail"]

"""`/engine` and `/health`: the reported state of the engine, and recovery."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.schemas.engine import Engine
from tests.conftest import Serve


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"


def is_ready(client: TestClient) -> bool:
    return client.get("/health/ready").status_code == 200


def test_the_engine_is_described(client: TestClient, simulator: Simulator) -> None:
    client.get("/sa-contexts")

    engine = Engine.model_validate(client.get("/engine").json())

    assert engine.kind == "simulator"
    assert engine.library == str(simulator.path)
    assert set(engine.functions.values()) == {True}
    assert (engine.session, engine.ready, engine.reasons) == ("open", True, [])
    assert isinstance(engine.revision, int)


def test_probes_cost_the_engine_nothing(client: TestClient, simulator: Simulator) -> None:
    client.get("/sa-contexts?maxAge=0")
    client.get("/tunnels")  # whose policies are also read without a request
    before = simulator.calls("*")

    for path in ("/health/live", "/health/ready", "/engine"):
        assert client.get(path).status_code == 200

    assert simulator.calls("*") == before


def test_probes_say_no_reasons(client: TestClient, simulator: Simulator) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    until(lambda: is_ready(client))
    assert client.get("/health/ready").json() == {"status": "ready"}
    simulator.stop_engine()
    client.get("/sa-contexts?maxAge=0")

    response = client.get("/health/ready")

    assert (response.status_code, response.json()) == (503, {"status": "not_ready"})


@pytest.mark.parametrize(
    ("code", "reason"), [(None, "engine_unavailable"), (5, "engine_access_denied")]
)
def test_the_server_starts_without_the_engine_and_recovers_by_itself(
    serve: Serve, simulator: Simulator, code: int | None, reason: str
) -> None:
    def break_() -> None:
        if code is None:
            simulator.stop_engine()
        else:
            simulator.fail("IPsecSaContextCreateEnumHandle0", code, times=0)

    break_()
    client = serve(contexts=0, refresh_interval_seconds=0.02, refresh_retry_seconds=0.02)
    until(lambda: bool(client.get("/engine").json().get("lastRefresh")))

    engine = client.get("/engine").json()
    assert engine["ready"] is False
    assert [r["code"] for r in engine["reasons"]] == [reason]
    assert engine["reasons"][0]["winErrorName"]
    assert not is_ready(client)
    assert client.get("/sa-contexts").json()["code"] == reason

    simulator.clear_failures()
    simulator.start_engine()
    until(lambda: is_ready(client))
    assert client.get("/sa-contexts?maxAge=0").status_code == 200
    assert client.get("/engine").json()["reasons"] == []


def test_an_old_answer_is_not_ready(serve: Serve) -> None:
    client = serve(contexts=3, ready_max_age_seconds=0.01)
    client.get("/sa-contexts?maxAge=0")

    until(lambda: not is_ready(client))

    assert [r["code"] for r in client.get("/engine").json()["reasons"]] == ["stale"]


def test_a_server_that_has_not_read_the_engine_says_so(serve: Serve, simulator: Simulator) -> None:
    simulator.delay("FwpmEngineOpen0", 500)
    client = serve(contexts=3)

    engine = client.get("/engine").json()

    assert [r["code"] for r in engine["reasons"]] == ["starting"]
    assert "lastRefresh" not in engine

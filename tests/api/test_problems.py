"""Every failure is answered with one typed problem that reveals no internals."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import pytest
from fastapi import HTTPException
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.api.problems import KINDS
from app.schemas.problems import Problem
from tests.conftest import Serve


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json; charset=utf-8"
    problem: dict[str, Any] = response.json()
    KINDS[code].schema.model_validate(problem)
    assert (problem["status"], problem["code"]) == (status, code)
    url = f"http://proxy/prefix{response.request.url.raw_path.decode()}"
    assert urljoin(url, problem["type"]) == f"http://proxy/prefix/problems/{code}"
    assert problem["title"] == KINDS[code].title
    assert urljoin(url, problem["instance"]) == url.partition("?")[0]
    return problem


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("maxAge=-1", "maxAge"),
        ("maxAge=nan", "maxAge"),
        ("maxAge=inf", "maxAge"),
        ("localSubnet=10.0.0.1/8", "localSubnet"),
        ("localSubnet=10.0.0.0/33", "localSubnet"),
        ("localSubnet=", "localSubnet"),
        ("localSubnet=10.0.0.0/255.0.0.0", "localSubnet"),
        ("remoteSubnet=example.org", "remoteSubnet"),
        ("remoteSubnet=fe80::1%25eth0", "remoteSubnet"),
        ("remoteSubnet=2001:db8::1/32", "remoteSubnet"),
        ("&".join(["remoteSubnet=10.0.0.0/8"] * 17), "remoteSubnet"),
        ("Limit=5", "Limit"),
        ("localsubnet=10.0.0.0/8", "localsubnet"),
        ("limit=1_000", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=%205", "limit"),
        ("limit=1.0", "limit"),
        ("limit=" + "9" * 31, "limit"),
        ("limit=5&limit=7", "limit"),
        ("maxAge=1e10", "maxAge"),
        ("maxAge=1e999", "maxAge"),
        ("maxAge=1e", "maxAge"),
        ("maxAge=1&maxAge=1", "maxAge"),
        ("cursor=a&cursor=b", "cursor"),
        ("max_age=0", "max_age"),
        ("local_subnet=10.0.0.0/8", "local_subnet"),
        ("cursor=1.00000000.AA.AAAAAAAAAAAAAAAAAAAAAA&maxAge=1", "maxAge"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, query: str, parameter: str) -> None:
    problem = assert_problem(client.get(f"/sa-contexts?{query}"), 422, "invalid_parameters")

    assert {error["parameter"] for error in problem["errors"]} == {parameter}


@pytest.mark.parametrize(
    "text", ["x", "-1", "1.5", "0x10", "ab", "18446744073709551616", "1" * 21, "\u0661"]
)
def test_a_bad_id_is_refused(client: TestClient, text: str) -> None:
    problem = assert_problem(client.get(f"/sa-contexts/{text}"), 422, "invalid_parameters")

    assert problem["errors"][0]["parameter"] == "saContextId"


@settings(max_examples=200)
@given(st.text(max_size=200) | st.from_regex(r"1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}"))
def test_no_invented_cursor_is_taken(client: TestClient, cursor: str) -> None:
    response = client.get("/sa-contexts", params={"cursor": cursor})

    assert_problem(response, 400, "cursor_invalid")


def test_a_cursor_too_long_is_not_valid(client: TestClient) -> None:
    for length in (4096, 4097, 50_000):
        response = client.get(f"/sa-contexts?cursor={'A' * length}")
        assert_problem(response, 400, "cursor_invalid")


def test_a_cursor_beside_other_filters_is_refused(client: TestClient) -> None:
    cursor = client.get("/sa-contexts?limit=1&localSubnet=10.0.0.0/8").json()["nextCursor"]

    for query in ("localSubnet=10.0.0.0/9", "remoteSubnet=10.0.0.0/8"):
        response = client.get(f"/sa-contexts?cursor={cursor}&{query}")
        assert_problem(response, 400, "cursor_mismatch")


@pytest.mark.parametrize(
    "path", ["/sa-context", "/sa-contexts/1/2", "/sa-contexts/", "/%00", "/ä b", "/docs/"]
)
def test_an_unknown_path_is_reported(client: TestClient, path: str) -> None:
    assert_problem(client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/sa-contexts", "/sa-contexts/1", "/engine", "/health/live"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_only_reading_is_allowed(client: TestClient, path: str, method: str) -> None:
    response = client.request(method, path)

    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0.0, text/html;q=1", 406),
        ("application/xml, text/*", 406),
        ("application/json", 200),
        ("APPLICATION/JSON", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/*;q=0.5", 200),
        ("", 200),
    ],
)
def test_accept_is_heeded(client: TestClient, accept: str, status: int) -> None:
    for path in ("/sa-contexts", "/engine"):
        response = client.get(path, headers={"accept": accept})
        if status == 406:
            assert_problem(response, 406, "not_acceptable")
        else:
            assert response.status_code == status


@pytest.mark.parametrize(
    ("code", "status", "problem_code", "name"),
    [
        (5, 503, "engine_access_denied", "ERROR_ACCESS_DENIED"),
        (1722, 503, "engine_unavailable", "RPC_S_SERVER_UNAVAILABLE"),
        (0x80320010, 503, "engine_unavailable", "FWP_E_SESSION_ABORTED"),
        (0x80010108, 503, "engine_unavailable", "RPC_E_0x80010108"),
        (0x80320012, 503, "engine_busy", "FWP_E_TIMEOUT"),
        (8, 500, "engine_error", "ERROR_NOT_ENOUGH_MEMORY"),
        (0xDEADBEEF, 500, "engine_error", "0xDEADBEEF"),
    ],
)
def test_the_engines_words_are_kept(
    client: TestClient, simulator: Simulator, code: int, status: int, problem_code: str, name: str
) -> None:
    simulator.fail("IPsecSaContextCreateEnumHandle0", code, times=0)
    simulator.fail("IPsecSaContextGetById1", code, times=0)

    for path, function in (
        ("/sa-contexts?maxAge=0", "IPsecSaContextCreateEnumHandle0"),
        ("/sa-contexts/1", "IPsecSaContextGetById1"),
    ):
        response = client.get(path)
        problem = assert_problem(response, status, problem_code)
        assert problem["winError"] == int(problem["winErrorHex"], 16) == code
        assert problem["winErrorName"] == name
        assert problem["function"] == function
        assert ("FWPM_ACTRL_ENUM" in problem["detail"]) == (code == 5)
        assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize("code", [1717, 1722, 1726, 1727, 1753, 0x80320010])
def test_call_that_fails_once_in_a_new_session_is_answered(
    client: TestClient, simulator: Simulator, code: int
) -> None:
    """The answer is 503 only after one reopen, whether or not the session has been used before."""
    path = f"/sa-contexts/{simulator.ids()[0]}"
    simulator.fail("IPsecSaContextGetById1", code, times=3)

    assert_problem(
        client.get(path), 503, "engine_unavailable"
    )  # in the old session and in a new one
    assert client.get(path).status_code == 200  # fails again, in the reopened session
    assert simulator.calls("IPsecSaContextGetById1") == 4


def test_an_engine_without_the_functions_is_reported(
    client: TestClient, simulator: Simulator
) -> None:
    for generation in (0, 1):
        simulator.fail(f"IPsecSaContextEnum{generation}", 1745, times=0)

    problem = assert_problem(client.get("/sa-contexts?maxAge=0"), 501, "not_supported_by_engine")

    assert problem["function"] == "IPsecSaContextEnum0"


def test_a_slow_engine_is_not_waited_for_for_ever(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=3, engine_timeout_seconds=0.05)
    simulator.delay("IPsecSaContextCreateEnumHandle0", 300)
    simulator.delay("IPsecSaContextGetById1", 300)

    for path in ("/sa-contexts?maxAge=0", f"/sa-contexts/{simulator.ids()[0]}"):
        assert_problem(client.get(path), 503, "engine_timeout")


def test_a_fault_of_the_server_shows_nothing_of_the_inside(
    client: TestClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("app.resources.sa_contexts.kind.encode_sa_context", fail)

    for path in ("/sa-contexts?maxAge=0", f"/sa-contexts/{simulator.ids()[0]}"):
        response = client.get(path)
        assert_problem(response, 500, "internal_error")
        assert "secret" not in response.text


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_problem_is_explained(client: TestClient, code: str) -> None:
    explanation = client.get(f"/problems/{code}")

    assert explanation.status_code == 200
    assert explanation.json()["code"] == code
    assert explanation.json()["status"] == KINDS[code].status
    assert len(explanation.json()["explanation"]) > 40


def test_an_unknown_problem_is_not_explained(client: TestClient) -> None:
    assert_problem(client.get("/problems/nothing"), 404, "not_found")


def test_other_rejections_of_the_framework_are_problems_too(serve: Serve) -> None:
    client = serve(contexts=0)

    @client.app.get("/teapot")  # type: ignore[attr-defined, untyped-decorator]  # FastAPI
    async def teapot() -> None:
        raise HTTPException(418)

    response = client.get("/teapot")

    assert response.status_code == 418
    assert Problem.model_validate(response.json()).code == "request_rejected"
    assert client.get(response.json()["type"]).status_code == 200


@pytest.mark.parametrize("path", ["/sa-contexts", "/ike-sas", "/connections"])
@pytest.mark.parametrize("name", ["localSubnet", "remoteAddress"])
@pytest.mark.parametrize("value", ["::" * 4000, "1" * 8000, "1." * 4000])
def test_overlong_address_is_not_echoed(
    client: TestClient, path: str, name: str, value: str
) -> None:
    response = client.get(path, params={name: value})

    assert response.status_code == 422
    assert len(response.content) < 1000

"""Authentication: the responses to rejected requests, and what they do not reveal."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from app.api.request_state import RequestState, request_state
from app.auth.callers import ALL_ACCESS
from app.auth.credentials import parse_credential
from app.auth.rejections import RejectionReason
from app.auth.scopes import Scope as Right
from app.bootstrap import create_service
from app.main import create_app
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from tests.api.test_access import SCOPES, bearer
from tests.api.test_problems import assert_problem
from tests.auth.made import id_of, look_at_keys, make_key
from tests.auth.oidc import AUDIENCE, issuing
from tests.conftest import SIMULATOR_PATH, Serve


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def key(keys: Path) -> str:
    return make_key(keys, "sa:read")


@pytest.fixture
def guarded(serve: Serve, keys: Path, key: str) -> TestClient:
    assert key
    return serve(contexts=3, api_keys_file=keys)


def challenge(response: Any) -> tuple[str, dict[str, str]]:
    """Parse `WWW-Authenticate` (RFC 9110, 11.6.1)."""
    (text,) = response.headers.get_list("www-authenticate")
    scheme, _, rest = text.partition(" ")
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    assert rest == ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return scheme, parameters


def test_an_unauthenticated_response_names_the_scheme(guarded: TestClient) -> None:
    response = guarded.get("/sa-contexts?limit=5")

    assert_problem(response, 401, "unauthenticated")
    assert challenge(response) == (
        "Bearer",
        {"realm": "sa-contexts"},
    )  # RFC 6750, 3.1: no error code
    assert response.headers["cache-control"] == "no-store"
    assert int(response.headers["content-length"]) == len(response.content)


def test_a_credential_that_is_not_taken_is_reported_so(guarded: TestClient, key: str) -> None:
    for wrong in ("nonsense", key[:-2], "a.b.c"):
        response = guarded.get("/engine", headers=bearer(wrong))
        problem = assert_problem(response, 401, "unauthenticated")
        assert challenge(response) == ("Bearer", {"realm": "sa-contexts", "error": "invalid_token"})
        assert wrong not in response.text + str(response.headers)
        assert problem["detail"] == "The credential was rejected."


def test_a_missing_scope_is_named(guarded: TestClient, key: str) -> None:
    response = guarded.get("/metrics", headers=bearer(key))

    assert_problem(response, 403, "insufficient_scope")
    assert challenge(response) == (
        "Bearer",
        {"realm": "sa-contexts", "error": "insufficient_scope", "scope": "metrics:read"},
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
def test_the_scheme_is_written_in_any_way(guarded: TestClient, key: str, scheme: str) -> None:
    assert guarded.get("/engine", headers={"authorization": f"{scheme} {key}"}).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{key}",
        "Bearer",
        "Bearer ",
        "Bearer{key}",
        "Bearer\t{key}",
        "Basic {key}",
        "Basic a2V5Og==",
        "Digest {key}",
        "Negotiate {key}",
        "DPoP {key}",
        "Bearer {key} {key}",
        "Bearer {key}, Bearer {key}",
        "Bearer token={key}",
        'Bearer "{key}"',
        "Bearer {key}\x00",
        "Bearer {key}é",
        "Bearer " + "a" * 9000,
    ],
)
def test_everything_else_is_rejected(guarded: TestClient, key: str, value: str) -> None:
    headers = [(b"authorization", value.format(key=key).encode("latin-1"))]

    assert_problem(guarded.get("/engine", headers=headers), 401, "unauthenticated")


def test_a_credential_is_parsed_once(
    guarded: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = Mock(wraps=parse_credential)
    monkeypatch.setattr("app.api.request_state.parse_credential", parse)

    assert guarded.get("/engine", headers=bearer(key)).status_code == 200

    assert parse.call_count == 1


def test_two_headers_are_rejected_though_both_are_good(guarded: TestClient, key: str) -> None:
    header = ("authorization", f"Bearer {key}")

    assert guarded.get("/engine", headers=[header]).status_code == 200
    assert_problem(guarded.get("/engine", headers=[header, header]), 401, "unauthenticated")


@pytest.mark.parametrize("name", ["access_token", "token", "key", "api_key", "authorization"])
def test_a_credential_elsewhere_is_not_taken(guarded: TestClient, key: str, name: str) -> None:
    assert_problem(guarded.get(f"/engine?{name}={key}"), 401, "unauthenticated")
    guarded.cookies.set(name, key)
    for header in ("proxy-authorization", "x-api-key"):
        response = guarded.get("/engine", headers={header: f"Bearer {key}"})
        assert_problem(response, 401, "unauthenticated")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NEW"])
def test_no_method_is_let_in(guarded: TestClient, key: str, method: str) -> None:
    assert_problem(guarded.request(method, "/sa-contexts"), 401, "unauthenticated")
    response = guarded.request(method, "/sa-contexts", headers=bearer(key))
    assert_problem(response, 405, "method_not_allowed")


def test_head_has_the_same_head(guarded: TestClient) -> None:
    get, head = guarded.get("/engine"), guarded.head("/engine")

    for response in (get, head):
        del response.headers["X-Request-Id"], response.headers["RateLimit"]
    assert (head.status_code, dict(head.headers)) == (401, dict(get.headers))
    assert head.content == b""


@pytest.mark.parametrize("path", ["/sa-contexts/ü", '/"\\', "/a%00b", "/%2e%2e/engine", "/%ff"])
def test_the_problem_names_the_path_safely(guarded: TestClient, path: str) -> None:
    response = guarded.get(path)

    assert response.status_code == 401
    assert response.json()["instance"].isascii()
    assert not set(response.json()["instance"]) & set('"\\\0')


@pytest.mark.parametrize(
    "path",
    [
        *("/health/live", "/health/ready", "/openapi.json", "/openapi-3.0.json", "/docs"),
        "/problems/unauthenticated",
    ],
)
def test_what_is_public_does_not_look_at_credentials(
    guarded: TestClient, key: str, path: str
) -> None:
    guarded.get("/sa-contexts", headers=bearer(key))  # then it is ready
    answers = {guarded.get(path, headers=bearer(each)).content for each in (key, "a", "a.b.c")}

    assert answers == {guarded.get(path).content}
    assert len(guarded.get("/health/ready").json()) == 1


def test_rejections_are_counted_and_logged_by_reason_without_what_was_sent(
    serve: Serve, keys: Path
) -> None:
    key = make_key(keys, "metrics:read")
    client = serve(api_keys_file=keys)
    wrong = [f"sak_{id_of(key)}_{'B' * 43}", "sak_0123456789ab_" + "C" * 43]
    for each in wrong:
        client.get("/engine", headers=bearer(each))
    for _ in range(3):
        client.get("/engine")

    text = client.get("/metrics", headers=bearer(key)).text
    found = re.findall(
        r'^sa_contexts_credential_rejections_total\{reason="(\w+)"\} (.+)$', text, re.MULTILINE
    )
    counts = {reason: float(count) for reason, count in found}
    assert counts.keys() == {reason.value for reason in RejectionReason}
    assert {reason: count for reason, count in counts.items() if count} == {
        "unknown": 2,
        "missing": 3,
    }
    assert 'sa_contexts_problems_total{code="unauthenticated"} 5.0' in text
    with capture_logs() as log:
        client.app.state.metrics.rejection_summary.flush()  # type: ignore[attr-defined]  # an application's
        client.app.state.metrics.rejection_summary.flush()  # type: ignore[attr-defined]  # the same
    (entry,) = log
    assert (entry["event"], entry["log_level"]) == ("requests_rejected", "warning")
    assert entry["reasons"] == {"missing": 3, "unknown": 2}


def test_no_credential_is_in_any_answer_or_log(serve: Serve, keys: Path) -> None:
    log = io.StringIO()
    configure_logging("json", "debug", log)
    with issuing() as oidc:
        good = [make_key(keys, *SCOPES), oidc.token(scope=" ".join(SCOPES))]
        client = serve(contexts=3, api_keys_file=keys, oidc_issuer=oidc.url, oidc_audience=AUDIENCE)
        revealed = ""
        for text in (*good, *(each[:-3] + "xyz" for each in good)):
            for path in ("/sa-contexts", "/metrics", "/engine?limit=1", "/nowhere", "/net-events"):
                response = client.get(path, headers=bearer(text))
                revealed += response.text + str(response.headers)
        keys.write_text("{", encoding="utf-8")
        look_at_keys(client)
        client.get("/engine", headers=bearer(good[0]))
        client.app.state.metrics.rejection_summary.flush()  # type: ignore[attr-defined]  # an application's
    configure_logging("json", "debug")
    revealed += log.getvalue()

    assert "requests_rejected" in revealed
    assert "api_keys_unreadable" in revealed
    for secret in (good[0].split("_", 2)[2], *good[1].split(".")[1:]):
        assert secret[:20] not in revealed
        assert secret[-20:-3] not in revealed


def test_the_issuers_absence_is_reported_as_such(serve: Serve) -> None:
    with issuing() as oidc:
        oidc.answers["/keys"] = (500, b"")
        client = serve(oidc_issuer=oidc.url, oidc_audience=AUDIENCE)
        response = client.get("/sa-contexts", headers=bearer(oidc.token()))

        assert_problem(response, 503, "issuer_unavailable")
        assert int(response.headers["retry-after"]) > 0
        assert_problem(client.get("/sa-contexts"), 401, "unauthenticated")


class Outside:
    """A layer around authentication that records the request's state."""

    seen: list[RequestState]

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            self.seen.append(request_state(scope))


pytestmark = pytest.mark.usefixtures("simulator")


@pytest.fixture
def seen() -> Iterator[list[RequestState]]:
    Outside.seen = []
    yield Outside.seen
    del Outside.seen


def around(**settings: Any) -> TestClient:
    given = {"library": SIMULATOR_PATH, "simulated_churn": 0, "simulated_net_events": 0, **settings}
    app = create_app(create_service(Settings(**given)))
    app.add_middleware(Outside)
    return TestClient(app, "http://localhost")


def test_who_asked_and_what_became_of_it_is_left_for_the_layers_outside(
    keys: Path, key: str, seen: list[RequestState]
) -> None:
    with around(api_keys_file=keys) as client:
        for path, headers in (
            ("/engine", bearer(key)),
            ("/metrics", bearer(key)),
            ("/engine", {}),
            ("/health/live", bearer(key)),
        ):
            client.get(path, headers=headers)
        client.head("/metrics", headers=bearer(key))

    callers = [each.caller for each in seen]
    assert [(caller.kind, caller.name, caller.credential) for caller in callers] == [
        ("api_key", "monitor", id_of(key)),
        ("api_key", "monitor", id_of(key)),
        ("anonymous", "anonymous", ""),
        ("anonymous", "anonymous", ""),
        ("api_key", "monitor", id_of(key)),
    ]
    assert [each.is_rejected for each in seen] == [False, True, True, False, True]
    assert [each.problem for each in seen] == [
        None,
        "insufficient_scope",
        "unauthenticated",
        None,
        "insufficient_scope",
    ]


def test_everybody_may_everything_where_nothing_is_configured(
    seen: list[RequestState],
) -> None:
    with around() as client:
        for headers in ({}, bearer("nonsense")):
            assert client.get("/engine", headers=headers).status_code == 200

    assert [each.caller for each in seen] == [ALL_ACCESS] * 2
    assert ALL_ACCESS.scopes == set(Right)


def test_without_the_gate_nothing_is_open() -> None:
    """Without the middleware, callers are unauthenticated and have no scope."""
    given: dict[str, Any] = {"simulated_churn": 0, "simulated_net_events": 0}
    app = create_app(create_service(Settings(library=SIMULATOR_PATH, **given)))
    app.user_middleware.clear()
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        assert client.get("/engine").status_code == 403
        assert client.get("/sa-contexts").status_code == 403

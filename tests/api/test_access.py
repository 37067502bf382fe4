"""Access control: every endpoint with every kind of credential.

The expected scopes are written down here; the endpoints come from the application itself, so that
none is missed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from tests.api.test_kinds import main_modes
from tests.api.test_problems import assert_problem
from tests.auth.made import change, look_at_keys, make_key, run_keys
from tests.auth.oidc import (
    AUDIENCE,
    Oidc,
    issuing,
    signed,
    signed_by_secret,
    signing_key,
    unsigned,
)
from tests.bindings.test_rule_names import put_filter
from tests.conftest import Serve


FILTER_ID = 7

SCOPES = ("sa:read", "events:read", "metrics:read", "diagnostics:read")

NEEDED = {
    "/sa-contexts": "sa:read",
    "/sa-contexts/{saContextId}": "sa:read",
    "/sa-contexts/summary": "sa:read",
    "/sa-contexts/ended": "sa:read",
    "/sa-contexts/events": "events:read",
    "/ike-sas": "sa:read",
    "/ike-sas/{saId}": "sa:read",
    "/connections": "sa:read",
    "/connections/{connectionId}": "sa:read",
    "/filters/{filterId}": "sa:read",
    "/statistics/ipsec": "metrics:read",
    "/statistics/ike": "metrics:read",
    "/net-events": "diagnostics:read",
    "/net-events/events": "diagnostics:read",
    "/peers": "sa:read",
    "/peers/{address}": "sa:read",
    "/peers/events": "events:read",
    "/tunnels": "sa:read",
    "/tunnels/{providerContextKey}": "sa:read",
    "/tunnels/events": "events:read",
    "/history": "sa:read",
    "/certificates": "sa:read",
    "/certificates/{thumbprint}": "sa:read",
    "/engine": "sa:read",
    "/metrics": "metrics:read",
    "/health/live": None,
    "/health/ready": None,
    "/openapi.json": None,
    "/openapi-3.0.json": None,
    "/": None,
    "/docs": None,
    "/docs/{name}": None,
    "/console/{name}": None,
    "/problems/{code}": None,
    "/failures": None,
    "/failures/{code}": None,
}
"""Scope by path; None: public."""

IDENTIFYING = {"/failures", "/failures/{code}"}
"""Public paths that show more to some callers, so that a credential must be valid if it is sent."""

ENDLESS = {"/sa-contexts/events", "/peers/events", "/tunnels/events", "/net-events/events"}


class Asked(NamedTuple):
    """A request.

    Attributes:
        path: the path of its route.
        url: the URL.
        method: the method.
        accept: the header `Accept`.
    """

    path: str
    url: str
    method: str = "GET"
    accept: str = "*/*"


class Desk(NamedTuple):
    """A server and its credentials.

    Attributes:
        client: a client without a credential.
        keys: the file of API keys.
        oidc: the issuer that the server trusts.
        untrusted: an issuer that the server does not trust.
        asked: valid requests for each endpoint.
    """

    client: TestClient
    keys: Path
    oidc: Oidc
    untrusted: Oidc
    asked: list[Asked]


@pytest.fixture(scope="module")
def issuers() -> Iterator[tuple[Oidc, Oidc]]:
    with issuing() as oidc, issuing() as untrusted:
        oidc.keys = [signing_key("of-the-table", "RS256")]
        yield oidc, untrusted


@pytest.fixture
def desk(serve: Serve, simulator: Simulator, tmp_path: Path, issuers: tuple[Oidc, Oidc]) -> Desk:
    oidc, untrusted = issuers
    keys = tmp_path / "keys.json"
    reader = make_key(keys, "sa:read", name="of the fixture")
    client = serve(
        contexts=25,
        api_keys_file=keys,
        oidc_issuer=oidc.url,
        oidc_audience=AUDIENCE,
        oidc_clock_skew_seconds=5,
        rate_limit_rejections=1_000_000,
    )
    put_filter(simulator, FILTER_ID, "a rule")
    items = {
        "saContextId": simulator.ids()[0],
        "saId": main_modes(simulator)[0],
        "connectionId": simulator.connections()[0],
        "address": client.get("/peers?limit=1", headers=bearer(reader)).json()["items"][0][
            "address"
        ],
        "filterId": FILTER_ID,
        "thumbprint": client.get("/certificates?limit=1", headers=bearer(reader)).json()["items"][
            0
        ]["thumbprint"],
        "providerContextKey": client.get("/tunnels?limit=1", headers=bearer(reader)).json()[
            "items"
        ][0]["providerContextKey"],
    }
    script = client.get("/docs").text.partition('<script src="docs/')[2].partition('"')[0]
    urls = {"name": script, **items}
    own = {
        "/problems/{code}": {"code": "not_found"},
        "/failures/{code}": {"code": "13868"},
        "/console/{name}": {"name": "configuration.json"},
    }
    assert isinstance(client.app, FastAPI)
    asked = [
        Asked(
            path,
            path.format(**{**urls, **own.get(path, {})}),
            "HEAD" if path in ENDLESS else method,
        )
        for path in paths_of(client.app)
        for method in ("GET", "HEAD")
    ]
    for path in ("/sa-contexts", "/ike-sas", "/connections", "/peers", "/tunnels"):
        asked.append(Asked(path, path, accept="application/x-ndjson"))
        page = client.get(f"{path}?limit=1", headers=bearer(reader)).json()
        if "nextCursor" in page:
            asked.append(Asked(path, f"{path}?cursor={page['nextCursor']}&limit=1"))
    return Desk(client, keys, oidc, untrusted, asked)


def paths_of(app: FastAPI) -> list[str]:
    return [str(route.path) for route in iter_route_contexts(app.routes)]


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def outcomes(desk: Desk, headers: dict[str, str]) -> dict[Asked, int]:
    return {
        each: desk.client.request(
            each.method,
            each.url,
            headers={"accept": each.accept, **headers},
            follow_redirects=False,
        ).status_code
        for each in desk.asked
    }


def expected(
    desk: Desk, scopes: tuple[str, ...] | None, *, is_rejected: bool = False
) -> dict[Asked, Any]:
    """Return the status for a caller with these scopes; None: no accepted credential."""
    good = {"/": 307}
    found = {}
    for each in desk.asked:
        needed = NEEDED[each.path]
        if is_rejected and each.path in IDENTIFYING:
            found[each] = 401
        elif needed is None or (scopes is not None and needed in scopes):
            found[each] = good.get(each.path, 200)
        else:
            found[each] = 401 if scopes is None else 403
    return found


def test_every_endpoint_is_in_the_table(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    assert sorted(paths_of(client.app)) == sorted(NEEDED)


def test_the_table_is_the_one_that_administrators_read() -> None:
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:`(\w+:read)`|none) \| (.+) \|$", text, re.MULTILINE)

    documented = {
        path: scope or None for scope, paths in rows for path in re.findall(r"`(.+?)`", paths)
    }
    assert documented == NEEDED


def _revoked(desk: Desk) -> str:
    key = make_key(desk.keys, *SCOPES)
    run_keys("revoke", key.split("_")[1], path=desk.keys)
    return key


def _expired(desk: Desk) -> str:
    key = make_key(desk.keys, *SCOPES)
    change(desk.keys, key, expires="2026-01-01T00:00:00Z")
    return key


def _of_another_file(desk: Desk) -> str:
    return make_key(desk.keys.with_name("others.json"), *SCOPES)


def _other_secret(desk: Desk) -> str:
    key, other = make_key(desk.keys, *SCOPES), make_key(desk.keys, *SCOPES)
    return "_".join([*key.split("_")[:2], other.split("_", 2)[2]])


def _token(**changes: Any) -> Callable[[Desk], str]:
    return lambda desk: desk.oidc.token(**{"scope": " ".join(SCOPES), **changes})


def _later(claim: str, seconds: int) -> Callable[[Desk], str]:
    def token(desk: Desk) -> str:
        return _token(**{claim: int(time.time()) + seconds})(desk)

    return token


def _algorithm_confused(desk: Desk) -> str:
    key = desk.oidc.keys[-1]
    return signed_by_secret(desk.oidc.claims(scope=" ".join(SCOPES)), key.pem, key.kid)


def _foreign_key(desk: Desk) -> str:
    """Return a token with valid claims and a valid `kid`, signed by another key."""
    other = signing_key("foreign", "RS256")
    return signed(desk.oidc.claims(scope=" ".join(SCOPES)), other, kid=desk.oidc.keys[-1].kid)


def _own_key_in_the_header(desk: Desk) -> str:
    other = signing_key("foreign", "RS256")
    return signed(desk.oidc.claims(scope=" ".join(SCOPES)), other, jwk=other.jwk)


BAD: dict[str, Callable[[Desk], str]] = {
    "nonsense": lambda _: "nonsense",
    "key of nobody": lambda _: "sak_0123456789ab_" + "A" * 43,
    "key of another file": _of_another_file,
    "key with another's secret": _other_secret,
    "expired key": _expired,
    "revoked key": _revoked,
    "expired token": _later("exp", -60),
    "token without expiry": _token(exp=None),
    "token that never expires": _token(exp=float("nan")),
    "foreign issuer": lambda desk: desk.untrusted.token(scope=" ".join(SCOPES)),
    "issuer's name by a foreign key": _foreign_key,
    "key in the token's own header": _own_key_in_the_header,
    "no issuer": _token(iss=None),
    "wrong audience": _token(aud="api://another"),
    "no audience": _token(aud=None),
    "future token": _later("nbf", 60),
    "token issued in the future": _later("iat", 60),
    "alg=none": lambda desk: unsigned(desk.oidc.claims(scope=" ".join(SCOPES))),
    "alg=None": lambda desk: unsigned(desk.oidc.claims(scope=" ".join(SCOPES)), alg="None"),
    "HS256 with the public key": _algorithm_confused,
}


@pytest.mark.parametrize("credential", BAD)
def test_a_credential_that_is_not_taken_opens_what_is_public(desk: Desk, credential: str) -> None:
    text = BAD[credential](desk)
    look_at_keys(desk.client)

    assert outcomes(desk, bearer(text)) == expected(desk, None, is_rejected=True)


def test_nothing_but_what_is_public_is_open_without_a_credential(desk: Desk) -> None:
    assert outcomes(desk, {}) == expected(desk, None)


GOOD: dict[str, Callable[[Desk, tuple[str, ...]], str]] = {
    "key": lambda desk, scopes: make_key(desk.keys, *scopes),
    "token": lambda desk, scopes: desk.oidc.token(scope=" ".join(scopes)),
    "token of Entra's for users": lambda desk, scopes: desk.oidc.token(
        scope=None, scp=" ".join(scopes)
    ),
    "token of Entra's for applications": lambda desk, scopes: desk.oidc.token(
        scope=None, roles=list(scopes)
    ),
}


@pytest.mark.parametrize("credential", GOOD)
def test_a_scope_opens_what_it_is_for_and_nothing_else(desk: Desk, credential: str) -> None:
    for scopes in (*((scope,) for scope in SCOPES), SCOPES):
        headers = bearer(GOOD[credential](desk, scopes))
        look_at_keys(desk.client)
        assert outcomes(desk, headers) == expected(desk, scopes), scopes


def test_words_that_mean_nothing_here_open_nothing(desk: Desk) -> None:
    headers = bearer(desk.oidc.token(scope="openid profile sa:readall sa", scp=["sa", 5, None]))

    assert outcomes(desk, headers) == expected(desk, ())


NOWHERE = ("/nowhere", "/sa-contexts/", "/docs/a/b", "/health", "//health/live", "/health/live/")


@pytest.mark.parametrize("path", NOWHERE)
def test_paths_that_lead_nowhere_are_reported_to_callers_only(desk: Desk, path: str) -> None:
    headers = bearer(make_key(desk.keys, "sa:read"))
    look_at_keys(desk.client)

    assert_problem(desk.client.get(path), 401, "unauthenticated")
    assert_problem(desk.client.get(path, headers=headers), 404, "not_found")

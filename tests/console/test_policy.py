"""The console's content security policy, parsed as browsers parse it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from app.settings.model import Settings
from tests.auth.oidc import AUDIENCE
from tests.conftest import Serve


BROWSER = {"accept": "text/html"}
ISSUER = "https://login.example:8443/realms/ipsec"
OIDC: dict[str, Any] = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE}


def policy(client: TestClient, path: str = "/") -> dict[str, list[str]]:
    """Return the directives of a response (CSP 3, 2.2.1: the first of a name counts)."""
    response = client.get(path, headers=BROWSER)
    (serialized,) = response.headers.get_list("content-security-policy")
    assert "," not in serialized, "a comma would begin another policy"
    assert serialized.isascii()
    directives: dict[str, list[str]] = {}
    for directive in serialized.split(";"):
        name, *values = directive.split()
        assert name not in directives
        directives[name.lower()] = values
    return directives


def test_nothing_is_allowed_but_what_is_named(client: TestClient) -> None:
    assert policy(client) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
    }


def test_every_file_has_the_policy_of_the_page(client: TestClient) -> None:
    assert policy(client, "/console/licences.txt") == policy(client)


def test_an_issuer_without_a_client_id_is_not_named(serve: Serve) -> None:
    assert policy(serve(**OIDC))["connect-src"] == ["'self'"]


def test_the_console_may_ask_its_issuer_and_nobody_else(serve: Serve) -> None:
    configured = policy(serve(**OIDC, console_client_id="console"))
    default = policy(serve())

    assert configured.pop("connect-src") == ["'self'", "https://login.example:8443"]
    del default["connect-src"]
    assert configured == default


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("https://LOGIN.example/tenant", "https://login.example"),
        ("https://login.example:443", "https://login.example:443"),
        ("http://127.0.0.1:5556/dex", "http://127.0.0.1:5556"),
        ("https://bücher.example/a;b'c", "https://xn--bcher-kva.example"),
    ],
)
def test_the_origin_of_the_issuer(serve: Serve, issuer: str, origin: str) -> None:
    client = serve(oidc_issuer=issuer, oidc_audience=AUDIENCE, console_client_id="console")

    assert policy(client)["connect-src"] == ["'self'", origin]


@pytest.mark.parametrize(
    "host", ["a;script-src *", "a;b", "*.example", "a'b", "a,b", "[::1]", "a\u00a0b", "a..b", "*"]
)
def test_an_issuer_that_would_extend_the_policy_is_rejected(host: str) -> None:
    given = {**OIDC, "oidc_issuer": f"https://{host}/", "console_client_id": "x"}

    with pytest.raises(ValidationError, match=r"console_client_id|oidc_issuer"):
        Settings(**given)

"""What everybody may learn about how to sign in, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.settings.model import Settings
from tests.auth.made import make_key
from tests.auth.oidc import AUDIENCE
from tests.conftest import Serve


ISSUER = "https://login.example/realms/ipsec"
OIDC: dict[str, Any] = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE}
SCOPES = ["openid", "sa:read", "events:read", "metrics:read", "diagnostics:read"]
PATH = "/console/configuration.json"


def settings(**given: Any) -> Settings:
    return Settings(**given)


def test_without_authentication(serve: Serve) -> None:
    response = serve().get(PATH)

    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.json() == {"isAuthenticationRequired": False, "acceptsApiKeys": False}


def test_with_keys(serve: Serve, tmp_path: Path) -> None:
    key = make_key(tmp_path / "keys.json", "sa:read", name="grafana of the third floor")
    response = serve(api_keys_file=tmp_path / "keys.json").get(PATH)

    assert response.json() == {"isAuthenticationRequired": True, "acceptsApiKeys": True}
    for secret in (key, key.split("_")[1], str(tmp_path), "grafana"):
        assert secret not in response.text


def test_with_an_issuer_that_does_not_know_the_console(serve: Serve) -> None:
    found = serve(**OIDC).get(PATH).json()

    assert found == {"isAuthenticationRequired": True, "acceptsApiKeys": False}


def test_with_an_issuer(serve: Serve) -> None:
    found = serve(**OIDC, console_client_id="sa-console").get(PATH).json()

    assert found == {
        "isAuthenticationRequired": True,
        "acceptsApiKeys": False,
        "oidc": {
            "issuer": ISSUER,
            "clientId": "sa-console",
            "audience": AUDIENCE,
            "scopes": SCOPES,
        },
    }


def test_scopes_may_be_others(serve: Serve) -> None:
    client = serve(**OIDC, console_client_id="x", console_scopes="openid, api://sa/.default")

    assert client.get(PATH).json()["oidc"]["scopes"] == ["openid", "api://sa/.default"]


@pytest.mark.parametrize("scopes", ["", "a b", 'a"b', "a\\b", "ä", "a\nb"])
def test_what_is_no_scope_is_rejected(scopes: str) -> None:
    with pytest.raises(ValidationError, match="console_scopes"):
        settings(console_scopes=scopes)


def test_a_client_id_requires_an_issuer() -> None:
    with pytest.raises(ValidationError, match="it requires oidc_issuer"):
        settings(console_client_id="console")


def test_it_agrees_with_the_service(serve: Serve, tmp_path: Path) -> None:
    make_key(tmp_path / "keys.json", "sa:read")
    for given in ({}, {"api_keys_file": tmp_path / "keys.json"}, OIDC):
        client = serve(**given)
        is_required = client.get("/engine").status_code == 401

        assert client.get(PATH).json()["isAuthenticationRequired"] is is_required

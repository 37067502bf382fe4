"""Fetching over HTTP from a server that may be hostile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.auth import jwks as issuer
from app.auth.jwks import IssuerUnavailable, fetch
from tests.auth.oidc import Oidc, issuing


@pytest.fixture
def oidc() -> Iterator[Oidc]:
    with issuing() as running:
        yield running


def test_a_document_is_fetched(oidc: Oidc) -> None:
    assert b'"keys"' in fetch(f"{oidc.url}/keys")


@pytest.mark.parametrize("status", [204, 301, 302, 401, 404, 500])
def test_only_success_counts_and_no_redirection_is_followed(oidc: Oidc, status: int) -> None:
    oidc.answers["/keys"] = (status, b"" if status == 204 else b"{}")

    with pytest.raises(IssuerUnavailable, match=str(status)):
        fetch(f"{oidc.url}/keys")


def test_too_much_is_not_taken(oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer, "MAX_BYTES", 100)
    oidc.answers["/keys"] = (200, b"x" * 101)

    with pytest.raises(IssuerUnavailable, match="too much"):
        fetch(f"{oidc.url}/keys")


def test_no_proxy_sees_what_comes_from_this_host(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuing() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        assert b'"keys"' in fetch(f"{oidc.url}/keys")

    assert oidc.asked == ["/keys"]
    assert proxy.asked == []


def test_what_comes_by_https_may_come_through_a_proxy(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supposed proxy receives a CONNECT (RFC 9110, 9.3.6)."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, oidc.url)

    with pytest.raises(IssuerUnavailable, match="ProxyError"):
        fetch("https://issuer.invalid/keys")


def test_nobody_there_is_said() -> None:
    with pytest.raises(
        IssuerUnavailable, match=r"cannot reach http://127\.0\.0\.1:1/keys: Connect"
    ):
        fetch("http://127.0.0.1:1/keys")

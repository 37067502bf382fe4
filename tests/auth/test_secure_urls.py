"""URLs to fetch must be HTTPS, unless they are on this host."""

from __future__ import annotations

import pytest

from app.net.secure_urls import require_secure


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com/tenant/v2.0",
        "https://issuer.example:8443",
        "http://127.0.0.1:8080/realms/a",
        "http://127.9.9.9",
        "http://localhost:1",
        "http://[::1]:80/",
        "http://[::ffff:127.0.0.1]",
    ],
)
def test_these_are_taken(url: str) -> None:
    assert require_secure(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1%25.example.com",
        "http://127.0.0.1%.example.com",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "file:///etc/keys",
        "//login.example.com",
        "login.example.com",
        "https://",
        "https://user:password@login.example.com",
        "https://login.example.com/?a=b",
        "https://login.example.com/#a",
        "http://[::1",
        "",
    ],
)
def test_these_are_not(url: str) -> None:
    with pytest.raises(ValueError, match=r"^it (is|must)"):
        require_secure(url)

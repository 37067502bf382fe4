"""The security headers of every response: OWASP's REST Security cheat sheet, as of 2025."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from tests.api.live import Live


EXPECTED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
ORIGIN = "Origin: https://evil.example\r\n"
PREFLIGHT = (
    f"{ORIGIN}Access-Control-Request-Method: GET\r\n"
    "Access-Control-Request-Headers: authorization\r\n"
    "Access-Control-Request-Private-Network: true\r\n"
)


@pytest.fixture
def live() -> Iterator[Live]:
    with Live(simulated_contexts=3) as live:
        yield live


def heads(live: Live, request: str) -> list[tuple[str, str]]:
    """Return the header fields of a response as sent; the status line is the first."""
    with socket.create_connection(live.address) as client:
        client.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer and (part := client.recv(65536)):
            answer += part
    status, *lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    fields = [re.fullmatch(r"([^:]+): ?(.*)", line) for line in lines]
    return [
        ("status", status.split()[1]),
        *((field[1].lower(), field[2]) for field in fields if field),
    ]


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"GET /sa-contexts HTTP/1.1\r\nHost: a.localhost\r\n{ORIGIN}\r\n", "421"),
        (f"GET /sa-contexts HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "200"),
        (f"HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "200"),
        (f"GET /metrics HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "200"),
        (f"GET /sa-contexts/events HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "200"),
        (f"GET / HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "307"),
        (f"GET /none HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "404"),
        (f"GET /sa-contexts?limit=0 HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "422"),
        (f"OPTIONS /sa-contexts HTTP/1.1\r\nHost: localhost\r\n{PREFLIGHT}\r\n", "405"),
        (f"OPTIONS /metrics HTTP/1.1\r\nHost: localhost\r\n{PREFLIGHT}\r\n", "405"),
        (f"TRACE /sa-contexts HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "405"),
        (f"POST /sa-contexts HTTP/1.1\r\nHost: localhost\r\n{ORIGIN}\r\n", "405"),
        (f"GET /sa-contexts HTTP/1.1\r\n{ORIGIN}\r\n", "400"),
        (f"GET / HTTP/1.1\r\nHost: a\r\n{ORIGIN}Content-Length: 99999\r\n\r\n", "413"),
    ],
)
def test_every_answer_shows_browsers_what_not_to_do(live: Live, request_: str, status: str) -> None:
    fields = heads(live, request_)

    sent = dict(fields)
    assert sent["status"] == status
    assert {name: sent.get(name) for name in EXPECTED} == EXPECTED
    names = [name for name, _ in fields]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith("access-control-")]
    assert "server" not in names
    assert "strict-transport-security" not in names  # over plain HTTP it would mean nothing


@pytest.mark.usefixtures("simulator")
def test_the_servers_own_failure_has_the_same_headers(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.middleware.trusted_hosts._validate", None)

    sent = dict(heads(live, "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"))

    assert sent["status"] == "500"
    assert {name: sent.get(name) for name in EXPECTED} == EXPECTED


@pytest.mark.usefixtures("simulator")
def test_the_page_has_a_policy_of_its_own_beside(live: Live) -> None:
    page = live.client.get("/docs").text
    asset = re.search(r"docs/[\w.-]+\.js", page)
    assert asset
    for path in ("docs", asset[0]):
        fields = heads(live, f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n")

        names = [name for name, _ in fields if name != "content-security-policy"]
        assert sorted(names) == sorted(set(names))
        assert dict(fields)["x-content-type-options"] == "nosniff"
        assert dict(fields)["referrer-policy"] == "no-referrer"
        policies = [value for name, value in fields if name == "content-security-policy"]
        assert len(policies) == 2
        assert all("frame-ancestors 'none'" in policy for policy in policies)
        assert any("script-src 'self'" in policy for policy in policies)

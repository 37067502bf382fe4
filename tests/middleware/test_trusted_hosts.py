"""The header Host: RFC 9112, 3.2, and DNS rebinding."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from app.api.request_state import RequestState, request_state
from app.middleware.trusted_hosts import MAX_REMEMBERED, HostValidationMiddleware
from app.settings.model import Settings
from tests.api.live import Live
from tests.api.test_problems import assert_problem
from tests.conftest import Serve


GIVEN: dict[str, Any] = {}
OURS = [
    "localhost",
    "LocalHost:8080",
    "localhost.",
    "localhost:",
    "127.0.0.1",
    "10.1.2.3:9443",
    "[::1]",
    "[2001:db8::7]:8080",
    "[::ffff:127.0.0.1]",
    socket.gethostname(),
    socket.getfqdn().upper(),
    "sa.corp.example",
    "SA.corp.example:443",
    "sa.corp.example.",
]
OTHERS = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "sa.corp.example.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "sa..corp.example",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "127.0.0.1.",
    "localhost..",
    "%6cocalhost",
    "localhost,evil.example",
]
BAD = [
    "",
    " ",
    ":8080",
    "localhost:x",
    "localhost:80:80",
    "local host",
    "user@localhost",
    "localhost/",
    "http://localhost",
    "::1",
    "[::1",
    "[]",
    "[::g]",
    "[127.0.0.1]",
    "[fe80::1%eth0]",
    "l\xf6calhost",
    "a" * 301,
]


@pytest.fixture
def client() -> TestClient:
    """Return a client of an application behind host validation."""
    app = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])
    return TestClient(HostValidationMiddleware(app, ["sa.corp.example"]), "http://localhost")


def response_to(host: str, client: TestClient) -> Any:
    return client.get("/", headers=[(b"host", host.encode("latin-1"))])


@pytest.mark.parametrize("host", OURS)
def test_our_names_and_any_address_are_let_through(client: TestClient, host: str) -> None:
    assert response_to(host, client).text == "here"


@pytest.mark.parametrize("host", OTHERS)
def test_other_names_are_rejected(client: TestClient, host: str) -> None:
    for _ in range(2):  # from the cache
        assert_problem(response_to(host, client), 421, "unknown_host")


@pytest.mark.parametrize("host", BAD)
def test_what_is_no_host_is_rejected(client: TestClient, host: str) -> None:
    assert_problem(response_to(host, client), 400, "bad_request")


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
@pytest.mark.anyio
async def test_there_must_be_one(hosts: list[str]) -> None:
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "headers": [(b"host", host.encode()) for host in hosts],
    }

    async def never(*_: Any) -> Any:
        pytest.fail("it was let through")

    async def send(message: Message) -> None:
        sent.append(message)

    await HostValidationMiddleware(never)(scope, never, send)

    assert sent[0]["status"] == 400
    assert request_state(scope) == RequestState(problem="bad_request", is_rejected=True)


def test_unauthenticated_clients_cannot_fill_the_memory(client: TestClient) -> None:
    check: Any = client.app
    for number in range(3 * MAX_REMEMBERED):
        response_to(f"{number}.evil.example", client)

    remembered = check._validate.cache_info()  # noqa: SLF001  # not otherwise visible
    assert remembered.currsize == MAX_REMEMBERED


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("path", ["/health/live", "/metrics", "/sa-contexts", "/docs", "/none"])
def test_no_resource_is_exempt(serve: Serve, path: str) -> None:
    client = serve(contexts=3)

    assert_problem(client.get(path, headers={"Host": "evil.example"}), 421, "unknown_host")
    counted = client.get("/metrics").text
    assert 'sa_contexts_problems_total{code="unknown_host"} 1.0' in counted


@pytest.fixture
def live() -> Iterator[Live]:
    with Live(simulated_contexts=3) as live:
        yield live


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health/live HTTP/1.1\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.0\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET http://evil.example/health/live HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
    ],
)
def test_it_is_so_on_the_wire(live: Live, request_: bytes, status: int) -> None:
    with socket.create_connection(live.address) as client:
        client.sendall(request_)
        assert client.recv(4096).startswith(b"HTTP/1.1 %d " % status)


def test_names_are_configured_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_ALLOWED_HOSTS", "sa.corp.example, WEB01")

    assert Settings(**GIVEN).allowed_hosts == ("sa.corp.example", "web01")


@pytest.mark.parametrize("hosts", ["*", "sa.corp.example:443", "http://a", "a,b c", "[::1]"])
def test_what_is_no_name_is_rejected_as_a_setting(
    monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    monkeypatch.setenv("SA_CONTEXTS_ALLOWED_HOSTS", hosts)

    with pytest.raises(ValueError, match="hosts"):
        Settings(**GIVEN)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost:8080/health/live", "evil.example", 200),
        ("HTTP://127.0.0.1/health/live?x", "localhost", 200),
        ("https://[::1]/health/live", "localhost", 200),
        ("http://localhost/sa-contexts?limit=0", "localhost", 422),
        ("http://localhost", "localhost", 307),
        ("http://localhost?x", "localhost", 307),
        ("http://evil.example/health/live", "localhost", 421),
        ("http://evil.example", "localhost", 421),
        ("http://evil.example?@localhost/health/live", "localhost", 421),
        ("http://localhost@evil.example/health/live", "localhost", 400),
        ("http:///health/live", "localhost", 400),
        ("/http://localhost/health/live", "localhost", 404),
        ("ftp://localhost/health/live", "localhost", 404),
    ],
)
def test_the_whole_url_may_be_asked_for(target: str, host: str, status: int) -> None:
    """RFC 9112, 3.2.2: a server must accept the absolute form, and then ignore Host."""
    with Live() as live, socket.create_connection(live.address, 10) as client:
        for end in (f"1.1\r\nHost: {host}\r\nX-A: a", f"1.1\r\nX-A: a\r\nhOST: {host}"):
            client.sendall(f"GET {target} HTTP/{end}\r\n\r\n".encode())
            answer = HTTPResponse(client)
            answer.begin()
            answer.read()
            assert answer.status == status


@pytest.mark.usefixtures("simulator")
def test_an_absolute_url_names_the_host_without_a_header() -> None:
    with Live() as live, socket.create_connection(live.address, 10) as client:
        client.sendall(b"GET http://localhost/health/live HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")

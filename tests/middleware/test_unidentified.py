"""Requests answered before a caller is identified: each counts against the address."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from tests.api.live import Live
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.auth.oidc import AUDIENCE, Oidc, issuing
from tests.conftest import Serve
from tests.conftest import serve as serve  # noqa: PLC0414  # a fixture
from tests.middleware.test_rate_limits import at


pytestmark = pytest.mark.usefixtures("simulator")

QUOTA = 3
REQUESTS = 3 * QUOTA

Headers = list[tuple[str, str]]


class Kind(NamedTuple):
    """A request that is answered before its caller is identified.

    Attributes:
        status: the expected status.
        path: the path.
        method: the method.
        headers: the headers.
    """

    status: int
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()


PUBLIC = {
    "page": Kind(200, "/docs"),
    "page, HEAD": Kind(200, "/docs", "HEAD"),
    "page, unchanged": Kind(304, "/docs", headers=(("if-none-match", "*"),)),
    "page, POST": Kind(405, "/docs", "POST"),
    "page, foreign Host": Kind(421, "/docs", headers=(("host", "evil.example"),)),
    "root": Kind(307, "/"),
    "document": Kind(200, "/openapi.json"),
    "document, unchanged": Kind(304, "/openapi.json", headers=(("if-none-match", "*"),)),
    "document, OPTIONS": Kind(405, "/openapi.json", "OPTIONS"),
    "document, other type": Kind(200, "/openapi.json", headers=(("accept", "image/png"),)),
    "asset": Kind(200, "/docs/{asset}"),
    "asset, range": Kind(200, "/docs/{asset}", headers=(("range", "bytes=0-9"),)),
    "asset, compressed": Kind(200, "/docs/{asset}", headers=(("accept-encoding", "gzip"),)),
    "unknown asset": Kind(404, "/docs/none.js"),
    "explanation": Kind(200, "/problems/not_found"),
    "explanation, own id": Kind(200, "/problems/not_found", headers=(("x-request-id", "abc"),)),
    "unknown explanation": Kind(404, "/problems/none"),
    "long path": Kind(404, "/problems/" + "a" * 5000),
}
PUBLIC_WITHOUT_CREDENTIAL = {  # a credential that is sent must be valid
    "failure": Kind(200, "/failures/13868"),
    "failures": Kind(200, "/failures"),
    "unknown failure": Kind(404, "/failures/none"),
}
PROTECTED = {
    "failures that occurred": Kind(401, "/failures?occurred=true"),
    "list": Kind(401, "/sa-contexts"),
    "list, HEAD": Kind(401, "/sa-contexts", "HEAD"),
    "list, POST": Kind(401, "/sa-contexts", "POST"),
    "list, OPTIONS": Kind(401, "/sa-contexts", "OPTIONS"),
    "unknown path": Kind(401, "/nowhere"),
    "almost health": Kind(401, "/health/live/"),
    "long unknown path": Kind(401, "/" + "a" * 5000),
}
MISDIRECTED = {
    "foreign Host": Kind(421, "/sa-contexts", headers=(("host", "evil.example"),)),
    "malformed Host": Kind(400, "/sa-contexts", headers=(("host", "local host"),)),
}


class Table:
    """A server that accepts keys and tokens, with an unreachable issuer, and its clients.

    Attributes:
        key: a valid API key.
        client: a client at an address of its own.
        oidc: the issuer.
        asset: the name of a large asset of the documentation page.
    """

    def __init__(self, serve: Serve, keys: Path, oidc: Oidc) -> None:
        self.key = make_key(keys, "sa:read")
        self.oidc = oidc
        self._hosts = count(1)
        self.client = serve(
            contexts=3,
            api_keys_file=keys,
            oidc_issuer=oidc.url,
            oidc_audience=AUDIENCE,
            rate_limit_per_address=QUOTA,
            rate_limit_rejections=QUOTA,
        )
        page = self.elsewhere().get("/docs").text
        self.asset = next(part for part in page.split('"') if part.endswith("bundle.js"))

    def elsewhere(self) -> TestClient:
        """Return a client at an address that no other has."""
        return at(self.client, f"198.51.100.{next(self._hosts)}")

    def statuses(self, client: TestClient, kind: Kind, credential: Headers) -> Counter[int]:
        """Return how often a repeated request is answered with each status."""
        path = kind.path.replace("docs/{asset}", self.asset)
        return Counter(
            client.request(
                kind.method, path, headers=[*kind.headers, *credential], follow_redirects=False
            ).status_code
            for _ in range(REQUESTS)
        )


@pytest.fixture
def table(serve: Serve, tmp_path: Path) -> Iterator[Table]:
    with issuing() as oidc:
        oidc.answers["/keys"] = (500, b"")
        yield Table(serve, tmp_path / "keys.json", oidc)


def bearer(text: str) -> Headers:
    return [("authorization", f"Bearer {text}")]


def test_answers_without_a_credential_count_against_the_address(table: Table) -> None:
    for credential in ([], [("x-api-key", "junk")], [("cookie", "token=junk")]):
        for name, kind in (PUBLIC | PUBLIC_WITHOUT_CREDENTIAL | PROTECTED | MISDIRECTED).items():
            found = table.statuses(table.elsewhere(), kind, credential)
            assert found == {kind.status: QUOTA, 429: REQUESTS - QUOTA}, (name, credential)


REJECTED: dict[str, Headers] = {
    "bearer": bearer("x"),
    "key": bearer("sak_0123456789ab_" + "A" * 43),
    "basic": [("authorization", "Basic a2V5Og==")],
    "empty": [("authorization", "")],
    "two": [*bearer("x"), *bearer("y")],
    "too long": bearer("a" * 9000),
}


@pytest.mark.parametrize("credential", REJECTED)
def test_answers_to_a_junk_credential_count_against_the_address(
    table: Table, credential: str
) -> None:
    with_credential = {
        name: kind._replace(status=401) for name, kind in PUBLIC_WITHOUT_CREDENTIAL.items()
    }
    for name, kind in (PUBLIC | with_credential | PROTECTED | MISDIRECTED).items():
        found = table.statuses(table.elsewhere(), kind, REJECTED[credential])
        assert found == {kind.status: QUOTA, 429: REQUESTS - QUOTA}, name


def test_tokens_that_cannot_be_verified_count_against_the_address(table: Table) -> None:
    protected = PUBLIC_WITHOUT_CREDENTIAL | PROTECTED
    outage = {name: kind._replace(status=503) for name, kind in protected.items()}
    for name, kind in (PUBLIC | outage | MISDIRECTED).items():
        found = table.statuses(table.elsewhere(), kind, bearer(table.oidc.token()))
        assert found == {kind.status: QUOTA, 429: REQUESTS - QUOTA}, name


def test_an_accepted_credential_lifts_no_quota(table: Table) -> None:
    """Public pages ignore a credential; with a wrong `Host`, it is not verified."""
    for name, kind in (PUBLIC | MISDIRECTED).items():
        client = table.elsewhere()
        assert client.get("/sa-contexts", headers=bearer(table.key)).status_code == 200
        found = table.statuses(client, kind, bearer(table.key))
        assert found == {kind.status: QUOTA, 429: REQUESTS - QUOTA}, name


def test_an_accepted_credential_is_served_beside_an_attacker(table: Table) -> None:
    client = table.elsewhere()
    assert client.get("/sa-contexts", headers=bearer(table.key)).status_code == 200

    for credential in ([], *REJECTED.values(), bearer(table.oidc.token())):
        for kind in (PUBLIC | PROTECTED | MISDIRECTED).values():
            table.statuses(client, kind, credential)

    answers = [client.get("/sa-contexts", headers=bearer(table.key)) for _ in range(REQUESTS)]
    assert [answer.status_code for answer in answers] == [200] * REQUESTS


def test_health_is_always_answered(table: Table) -> None:
    client = table.elsewhere()
    client.get("/sa-contexts", headers=bearer(table.key))  # then it is ready
    for credential in ([], bearer("x"), bearer(table.key), bearer(table.oidc.token())):
        for path in ("/health/live", "/health/ready"):
            assert table.statuses(client, Kind(200, path), credential) == {200: REQUESTS}

    assert_problem(client.get("/docs"), 429, "too_many_requests")


def test_a_foreign_host_counts_against_the_address_without_credentials(serve: Serve) -> None:
    client = at(serve(rate_limit_per_caller=QUOTA), "198.51.100.1")

    for host in ("evil.example", "local host"):
        answers = [client.get("/docs", headers={"host": host}) for _ in range(REQUESTS)]

    assert {answer.status_code for answer in answers} == {429}


UNREADABLE = {
    b"no request\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n": 413,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n": 411,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 200 + b"\r\n": 431,
    b"GET /" + b"a" * (40 << 10) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n": 431,
}


def answered_on_the_wire(live: Live, request: bytes) -> int:
    with socket.create_connection(live.address, timeout=10) as client:
        client.sendall(request)
        return int(client.makefile("rb").readline().split()[1])


def test_what_cannot_be_read_as_a_request_counts_against_the_address(tmp_path: Path) -> None:
    key = make_key(tmp_path / "keys.json", "sa:read")
    with Live(api_keys_file=tmp_path / "keys.json", rate_limit_per_address=len(UNREADABLE)) as live:
        assert live.client.get("/sa-contexts", headers=bearer(key)).status_code == 200

        found = {request: answered_on_the_wire(live, request) for request in UNREADABLE}

        assert found == UNREADABLE
        assert_problem(live.client.get("/docs"), 429, "too_many_requests")
        answers = [
            live.client.get("/health/live"),
            live.client.get("/sa-contexts", headers=bearer(key)),
        ]
        assert [answer.status_code for answer in answers] == [200, 200]

"""Rate limits of addresses and callers, through the whole application."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.api.request_state import request_state
from app.auth.callers import Caller
from app.middleware.address_rate_limit import (
    MAX_VERIFIED,
    AddressRateLimitMiddleware,
    VerifiedCredentialCache,
    address_policy,
)
from app.middleware.caller_rate_limit import CallerRateLimitMiddleware
from app.net.forwarding import TrustedProxies
from app.settings.limits import RateLimits
from tests.api.live import PATH, Live
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.conftest import Serve
from tests.conftest import serve as serve  # noqa: PLC0414  # a fixture


MONITOR = "192.0.2.10"
OTHER = "192.0.2.20"
ITEM = r'"([ -!#-\[\]-~]*)"((?:;[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15})*)'
"""A String with Integers as parameters (RFC 9651, 3.1.2, 3.3.1 and 3.3.3)."""


def items(field: str) -> dict[str, dict[str, int]]:
    """Strictly parse a List of such Items, as in both headers of the draft."""
    found = {}
    for member in re.split(r"[ \t]*,[ \t]*", field):
        item = re.fullmatch(ITEM, member)
        assert item, member
        pairs = (pair.split("=") for pair in item[2].split(";")[1:])
        assert item[1] not in found
        found[item[1]] = {name: int(value) for name, value in pairs}
    return found


class Desk:
    """A server that requires API keys, and clients at several addresses.

    Attributes:
        key: a key that may read SA contexts.
        other: another one.
    """

    def __init__(self, serve: Serve, keys: Path, **settings: Any) -> None:
        self.key, self.other = (make_key(keys, "sa:read", name=name) for name in ("one", "other"))
        self._client = serve(contexts=3, api_keys_file=keys, **settings)

    def at(self, address: str) -> TestClient:
        return at(self._client, address)


def at(client: TestClient, address: str) -> TestClient:
    """Return a client of the server at an address."""
    other = TestClient(client.app, "http://localhost", client=(address, 50000))
    other.portal = client.portal
    return other


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def ask(client: TestClient, key: str | None = None, path: str = "/sa-contexts") -> httpx2.Response:
    response: httpx2.Response = client.get(path, headers=bearer(key) if key else {})
    return response


def statuses(count: int, one: Callable[[], httpx2.Response]) -> list[int]:
    return [one().status_code for _ in range(count)]


@pytest.fixture
def desk(serve: Serve, simulator: Simulator, tmp_path: Path) -> Desk:  # noqa: ARG001  # emptied
    return Desk(
        serve,
        tmp_path / "keys.json",
        rate_limit_per_address=10,
        rate_limit_rejections=5,
        rate_limit_per_caller=20,
    )


def test_an_address_without_a_credential_is_rejected_beyond_its_rate(desk: Desk) -> None:
    client = desk.at(MONITOR)
    assert statuses(10, lambda: ask(client)) == [401] * 10

    response = ask(client)

    assert_problem(response, 429, "too_many_requests")
    assert response.headers["retry-after"] == "6"
    assert items(response.headers["ratelimit-policy"]) == {"address": {"q": 10, "w": 60}}
    assert items(response.headers["ratelimit"]) == {"address": {"r": 0, "t": 6}}
    assert response.headers["cache-control"] == "no-store"
    assert client.head("/sa-contexts").content == b""
    assert statuses(1, lambda: ask(desk.at(OTHER))) == [401]


def test_what_is_public_is_counted_too_and_health_is_always_reported(desk: Desk) -> None:
    client = desk.at(MONITOR)

    problems = statuses(15, lambda: ask(client, path="/problems/not_found"))
    health = statuses(15, lambda: ask(client, path="/health/live"))

    assert problems == [200] * 10 + [429] * 5
    assert health == [200] * 15


def test_credentials_are_not_looked_at_after_too_many_that_were_wrong(desk: Desk) -> None:
    client = desk.at(MONITOR)
    wrong = desk.key[:-1] + ("A" if desk.key[-1] != "A" else "B")
    responses = [ask(client, wrong) for _ in range(5)]
    assert [items(each.headers["ratelimit"])["failures"]["r"] for each in responses] == [
        4,
        3,
        2,
        1,
        0,
    ]

    response = ask(client, desk.key)

    assert_problem(response, 429, "too_many_requests")
    assert response.headers["retry-after"] == "12"
    assert items(response.headers["ratelimit"]) == {"failures": {"r": 0, "t": 12}}
    assert statuses(1, lambda: ask(desk.at(OTHER), desk.key)) == [200]


def test_who_shares_an_address_with_an_attacker_is_not_locked_out(desk: Desk) -> None:
    client = desk.at(MONITOR)
    assert ask(client, desk.key).status_code == 200
    wrong = [desk.key[:-5] + f"{number:05}" for number in range(30)]

    guesses = Counter(ask(client, guess).status_code for guess in wrong)
    without = Counter(ask(client).status_code for _ in range(30))

    assert guesses == {401: 5, 429: 25}
    assert without[429] > 0
    assert statuses(10, lambda: ask(client, desk.key)) == [200] * 10


@pytest.mark.parametrize("path", ["/health/x", "/health/", "/health/live/x", "/health"])
def test_only_health_itself_is_exempt(desk: Desk, path: str) -> None:
    client = desk.at(MONITOR)
    wrong = [desk.key[:-5] + f"{number:05}" for number in range(10)]

    assert Counter(ask(client, guess, path).status_code for guess in wrong) == {401: 5, 429: 5}


def test_nobody_makes_the_server_forget_another(desk: Desk) -> None:
    """One credential in many spellings evicts no other caller's."""
    client, attacker = desk.at(MONITOR), desk.at(OTHER)
    assert ask(client, desk.key).status_code == 200
    for count in range(1, MAX_VERIFIED + 2):
        headers = {"authorization": f"Bearer{' ' * (1 + count % 4000)}{desk.other}"}
        attacker.get("/health/x", headers=headers)
    wrong = [desk.key[:-5] + f"{number:05}" for number in range(10)]
    assert Counter(ask(client, guess).status_code for guess in wrong) == {401: 5, 429: 5}

    assert ask(client, desk.key).status_code == 200


def test_of_one_caller_so_many_credentials_and_addresses_are_remembered() -> None:
    trusted = VerifiedCredentialCache(max_per_caller=3)
    other = ("jwt", "other")
    trusted.add("a", b"token", other)
    for number in range(10):
        trusted.add("b", b"%d" % number, ("jwt", "one"))
    trusted.add("b", b"8", ("jwt", "one"))
    trusted.add("b", b"10", ("jwt", "one"))

    assert trusted.caller_of("a", b"token") == other
    known = [number for number in range(11) if trusted.caller_of("b", b"%d" % number)]
    assert known == [8, 9, 10]
    trusted.discard("b", b"9")
    assert trusted.caller_of("b", b"9") is None


def test_so_many_callers_are_remembered() -> None:
    trusted = VerifiedCredentialCache(max_count=3)
    for number in range(10):
        trusted.add("a", b"%d" % number, ("jwt", str(number)))

    assert [number for number in range(10) if trusted.caller_of("a", b"%d" % number)] == [7, 8, 9]


def test_networks_of_accepted_credentials_are_known() -> None:
    verified = VerifiedCredentialCache(max_count=3)
    for number in range(5):
        verified.add(f"192.0.2.{number}", b"key", ("jwt", str(number)))
    verified.add("192.0.2.4", b"other", ("jwt", "4"))
    assert [n for n in range(5) if verified.has_network(f"192.0.2.{n}")] == [3, 4]

    verified.discard("192.0.2.4", b"key")
    assert verified.has_network("192.0.2.4")
    verified.discard("192.0.2.4", b"other")
    assert not verified.has_network("192.0.2.4")


def test_requests_without_a_credential_lock_out_nobody(desk: Desk) -> None:
    client = desk.at(MONITOR)
    statuses(30, lambda: ask(client))

    assert ask(client, desk.key).status_code == 200


def test_callers_are_counted_by_their_credential_wherever_they_are(desk: Desk) -> None:
    addresses = (MONITOR, OTHER)
    clients = [desk.at(addresses[number % 2]) for number in range(20)]
    responses = [ask(client, desk.key) for client in clients]
    assert [each.status_code for each in responses] == [200] * 20
    assert [items(each.headers["ratelimit"])["caller"]["r"] for each in responses] == [
        *range(19, -1, -1)
    ]
    assert items(responses[0].headers["ratelimit-policy"]) == {"caller": {"q": 20, "w": 60}}

    response = ask(desk.at(MONITOR), desk.key)

    assert_problem(response, 429, "too_many_requests")
    assert response.headers["retry-after"] == "3"
    assert items(response.headers["ratelimit"]) == {"caller": {"r": 0, "t": 3}}
    assert ask(desk.at(MONITOR), desk.other).status_code == 200


def test_without_credentials_callers_are_networks_and_this_host_is_not_counted(
    serve: Serve,
) -> None:
    client = serve(rate_limit_per_caller=5)

    of_one_network = [at(client, f"2001:db8:0:1::{host:x}") for host in range(50)]
    of_many = [at(client, f"2001:db8:0:{subnet:x}::1") for subnet in range(2, 52)]

    assert Counter(ask(each).status_code for each in of_one_network) == {200: 5, 429: 45}
    assert Counter(ask(each).status_code for each in of_many) == {200: 50}
    for here in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        responses = [ask(at(client, here)) for _ in range(10)]
        assert {each.status_code for each in responses} == {200}
        assert not any("ratelimit" in each.headers for each in responses)
    assert statuses(20, lambda: ask(at(client, MONITOR), path="/health/ready")) == [200] * 20


def test_a_caller_may_have_so_many_streams(simulator: Simulator, tmp_path: Path) -> None:  # noqa: ARG001  # emptied
    keys = tmp_path / "keys.json"
    one, other = (make_key(keys, "events:read", name=name) for name in ("one", "other"))
    with Live(api_keys_file=keys, max_streams_per_caller=1) as live:
        client = live.client
        with live.stream(**bearer(one)), live.stream(**bearer(other)):
            rejected = client.get(PATH, headers=bearer(one))
            assert_problem(rejected, 429, "too_many_streams")
            assert int(rejected.headers["retry-after"]) > 0
        live.until_streams(0)
        with live.stream(**bearer(one)):
            pass


class Stub:
    """An application behind a rate limit, in place of authentication.

    Attributes:
        state: the fields of the request's state that authentication would set.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        for name, value in self.state.items():
            setattr(request_state(scope), name, value)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})


TAKEN = {"caller": Caller("somebody", "api_key", frozenset(), "0123")}
NOT_TAKEN = {"problem": "unauthenticated", "is_rejected": True}
UNKNOWN = {"problem": "issuer_unavailable", "is_rejected": True}


def before(stub: Stub, **limits: int) -> TestClient:
    """Return a client of an application behind the address limit."""
    rates = RateLimits(**limits)
    limit = AddressRateLimitMiddleware(
        stub,
        address_policy(rates),
        rates,
        lambda scope: scope["path"] == "/public",
        VerifiedCredentialCache(),
    )
    return TestClient(limit, client=(MONITOR, 50000))


def test_a_credential_is_trusted_no_longer_than_it_is_taken() -> None:
    stub = Stub()
    client = before(stub, rate_limit_rejections=2)
    stub.state = TAKEN
    ask(client, "key")
    stub.state = NOT_TAKEN
    assert statuses(4, lambda: ask(client, "wrong")) == [200, 200, 429, 429]

    assert statuses(3, lambda: ask(client, "key")) == [200, 429, 429]


def test_a_credential_that_cannot_be_judged_is_neither_wrong_nor_trusted() -> None:
    stub = Stub()
    client = before(stub, rate_limit_rejections=2)
    stub.state = UNKNOWN
    assert statuses(5, lambda: ask(client, "key")) == [200] * 5
    stub.state = NOT_TAKEN
    assert statuses(3, lambda: ask(client, "wrong")) == [200, 200, 429]

    assert ask(client, "key").status_code == 429


def test_an_accepted_credential_that_cannot_be_verified_has_a_quota_of_its_own() -> None:
    stub = Stub()
    client = before(stub, rate_limit_per_address=3)
    stub.state = TAKEN
    assert ask(client, "key").status_code == 200
    stub.state = UNKNOWN
    responses = [ask(client, "junk") for _ in range(5)]
    assert [each.status_code for each in responses] == [200, 200, 200, 429, 429]
    assert [items(each.headers["ratelimit"])["unverified"]["r"] for each in responses] == [
        2,
        1,
        0,
        0,
        0,
    ]

    assert statuses(5, lambda: ask(client, "key")) == [200, 200, 200, 429, 429]


def test_requests_of_an_accepted_credential_leave_its_quota_alone() -> None:
    stub = Stub()
    client = before(stub, rate_limit_per_address=3, rate_limit_rejections=3)
    stub.state = TAKEN

    assert statuses(20, lambda: ask(client, "key")) == [200] * 20


def test_a_subject_with_many_tokens_is_one_caller() -> None:
    limit = CallerRateLimitMiddleware(
        Stub(), RateLimits(rate_limit_per_caller=3), TrustedProxies(None)
    )
    tokens = iter(range(5))

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller("subject", "jwt", frozenset(), f"token {next(tokens)}")
        request_state(scope).caller = caller
        await limit(scope, receive, send)

    assert statuses(5, lambda: ask(TestClient(gate))) == [200, 200, 200, 429, 429]

"""Fetching over HTTP from a server that may be hostile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event
from time import monotonic

import anyio
import pytest
from structlog.testing import capture_logs

from app.auth import jwks as issuer
from app.auth.jwks import (
    MIN_FETCH_INTERVAL_SECONDS,
    IssuerUnavailable,
    JwksClient,
    fetch,
    fetch_keys,
)
from tests.auth.dripping import DRIPS, dripping
from tests.auth.oidc import Oidc, issuing


SECONDS = 30


@pytest.fixture
def oidc() -> Iterator[Oidc]:
    with issuing() as running:
        yield running


def test_a_document_is_fetched(oidc: Oidc) -> None:
    assert b'"keys"' in anyio.run(fetch, f"{oidc.url}/keys")


@pytest.mark.parametrize("status", [204, 301, 302, 401, 404, 500])
def test_only_success_counts_and_no_redirection_is_followed(oidc: Oidc, status: int) -> None:
    oidc.answers["/keys"] = (status, b"" if status == 204 else b"{}")

    with pytest.raises(IssuerUnavailable, match=str(status)):
        anyio.run(fetch, f"{oidc.url}/keys")


def test_too_much_is_not_taken(oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer, "MAX_BYTES", 100)
    oidc.answers["/keys"] = (200, b"x" * 101)

    with pytest.raises(IssuerUnavailable, match="too much"):
        anyio.run(fetch, f"{oidc.url}/keys")


def test_no_proxy_sees_what_comes_from_this_host(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuing() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        assert b'"keys"' in anyio.run(fetch, f"{oidc.url}/keys")

    assert oidc.asked == ["/keys"]
    assert proxy.asked == []


def test_what_comes_by_https_may_come_through_a_proxy(
    oidc: Oidc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supposed proxy receives a CONNECT (RFC 9110, 9.3.6)."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, oidc.url)

    with pytest.raises(IssuerUnavailable, match="ProxyError"):
        anyio.run(fetch, "https://issuer.invalid/keys")


def test_nobody_there_is_said() -> None:
    with pytest.raises(
        IssuerUnavailable, match=r"cannot reach http://127\.0\.0\.1:1/keys: Connect"
    ):
        anyio.run(fetch, "http://127.0.0.1:1/keys")


@pytest.mark.parametrize("stage", DRIPS)
def test_an_issuer_that_sends_a_byte_at_a_time_has_no_more_time(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte would restart a timeout of single reads."""
    monkeypatch.setattr(issuer, "FETCH_SECONDS", 0.5)
    with dripping(stage) as slow:
        began = monotonic()
        with pytest.raises(IssuerUnavailable, match=r"takes longer than 0\.5 s|: ConnectTimeout$"):
            anyio.run(fetch_keys, slow.url, None)

        assert monotonic() - began < SECONDS / 3
        slow.left.get(timeout=SECONDS)  # the connection is closed
        assert slow.connections == 1


def test_both_documents_share_the_time(oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer, "FETCH_SECONDS", 2)

    async def slow_fetch(url: str) -> bytes:
        await anyio.sleep(1.2)
        return oidc.answer(url.removeprefix(oidc.url))[1]

    with pytest.raises(IssuerUnavailable, match=r"/keys takes longer than 2 s"):
        anyio.run(fetch_keys, oidc.url, None, slow_fetch)


def test_an_address_that_accepts_no_connection_has_no_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issuer, "FETCH_SECONDS", 0.5)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # the system drops further connections (listen(2))
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())

        with pytest.raises(IssuerUnavailable, match=r"takes longer than 0\.5 s|: ConnectTimeout$"):
            anyio.run(fetch_keys, f"http://127.0.0.1:{listener.getsockname()[1]}", None)


async def _reject(client: JwksClient) -> str:
    with pytest.raises(IssuerUnavailable) as rejected:
        await client.get_keys("any")
    return str(rejected.value)


@pytest.mark.anyio
async def test_a_name_that_cannot_be_looked_up_costs_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The resolver cannot be interrupted; here a blocked fetch takes its place."""
    monkeypatch.setattr(issuer, "ABANDON_SECONDS", 0.05)
    answers, passed, fetches = Event(), [0.0], 0

    async def hang(_url: str) -> bytes:
        nonlocal fetches
        fetches += 1
        answers.wait(SECONDS)
        raise IssuerUnavailable("it answers late")

    client = JwksClient("https://issuer.example", None, fetch=hang, monotonic=lambda: passed[0])
    with capture_logs() as log:
        for _ in range(4):
            await _reject(client)
            passed[0] += MIN_FETCH_INTERVAL_SECONDS
    assert fetches == 1
    assert [entry["reason"] for entry in log] == [
        "https://issuer.example takes longer than 0.05 s"
    ] * 4

    answers.set()
    with anyio.fail_after(SECONDS):
        while fetches == 1:
            await _reject(client)
            passed[0] += MIN_FETCH_INTERVAL_SECONDS


@pytest.mark.anyio
async def test_a_bad_file_of_authorities_makes_the_issuer_unavailable() -> None:
    async def fail(_url: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", "/etc/ssl/none.pem")

    client = JwksClient("https://issuer.example", None, fetch=fail)
    with capture_logs() as log:
        await _reject(client)

    assert [entry["reason"] for entry in log] == [
        "cannot reach https://issuer.example: No such file or directory"
    ]

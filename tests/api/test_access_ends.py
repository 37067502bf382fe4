"""Exports and streams end when their credential becomes invalid."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
from sa_contexts_simulator import Simulator

from app.auth.authenticator import Authenticator
from app.files import watching
from app.repository.changes import streams
from tests.api.test_access import bearer
from tests.auth.made import change, id_of, make_key, run_keys
from tests.auth.oidc import AUDIENCE, issuing
from tests.cli.served import SECONDS, served
from tests.conftest import Serve
from tests.sse import Parser


STREAMS = {"/sa-contexts/events": "events:read", "/net-events/events": "diagnostics:read"}
MAX_SECONDS = 2.0
"""As docs/access.md promises."""


def kinds(response: httpx2.Response) -> Iterator[str]:
    """Return all messages of a complete response."""
    parser = Parser()
    for piece in response.iter_bytes():
        yield "begun"
        for event in parser.feed(piece):
            yield event.kind
    assert parser.is_between_events


def test_looking_often_enough_is_what_is_promised() -> None:
    assert streams.CHECK_SECONDS + watching.POLL_SECONDS < MAX_SECONDS


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("end", ["revoked", "removed"])
def test_a_stream_ends_when_its_key_does(
    simulator: Simulator, tmp_path: Path, path: str, end: str
) -> None:
    keys = tmp_path / "keys.json"
    key, other = make_key(keys, STREAMS[path]), make_key(keys, STREAMS[path])
    assert simulator.count() == 0
    with (
        served(3, api_keys_file=keys) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client,
        client.stream("GET", path, headers=bearer(key)) as response,
        client.stream("GET", path, headers=bearer(other)) as unconcerned,
    ):
        others = kinds(unconcerned)
        assert next(others) == "begun"
        received = kinds(response)
        assert next(received) == "begun"
        if end == "revoked":
            run_keys("revoke", id_of(key), path=keys)
        else:
            change(keys, key, scopes=[])
        began = time.monotonic()
        assert list(received)[-1] == "reconnect"
        assert time.monotonic() - began < MAX_SECONDS
        assert client.get(path, headers=bearer(key)).status_code in (401, 403)
        assert client.get("/engine", headers=bearer(other)).status_code == 403  # and not 401
        run_keys("revoke", id_of(other), path=keys)
        assert list(others)[-1] == "reconnect"


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_ends_when_its_token_expires(simulator: Simulator, path: str) -> None:
    assert simulator.count() == 0
    with (
        issuing() as oidc,
        served(3, oidc_issuer=oidc.url, oidc_audience=AUDIENCE, oidc_clock_skew_seconds=0) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client,
    ):
        expires = int(time.time()) + 2
        headers = bearer(oidc.token(exp=expires, scope=STREAMS[path]))
        with client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            assert list(kinds(response))[-1] == "reconnect"
        assert expires <= time.time() < expires + MAX_SECONDS
        assert client.get(path, headers=headers).status_code == 401


def test_an_export_breaks_off_when_its_credential_ends(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.json"
    headers = {**bearer(make_key(keys, "sa:read")), "accept": "application/x-ndjson"}
    client = serve(contexts=100, api_keys_file=keys)
    whole = client.get("/sa-contexts", headers=headers).text.splitlines()
    answers = iter([True, True, False])
    monkeypatch.setattr(Authenticator, "is_still_valid", lambda *_: next(answers))

    with structlog.testing.capture_logs() as entries:
        part = client.get("/sa-contexts", headers=headers).text.splitlines()

    assert len(whole) == 101
    assert whole[-1].startswith('{"end":true')
    assert part == whole[: len(part)]
    assert 0 < len(part) < 100
    assert [each["outcome"] for each in entries if each["event"] == "request"] == ["revoked"]

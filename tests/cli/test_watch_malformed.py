"""Watching a server that sends nonsense: one sentence, or another stream after a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any

import anyio
import pytest
from pydantic.alias_generators import to_camel
from rich.console import Console
from typer.testing import CliRunner

from app.cli.client import RequestRejected, Server, create_client
from app.cli.main import app as cli
from app.cli.watch.contexts import Contexts
from app.cli.watch.run import watch_on_screen
from app.cli.watch.screen import screen_of
from app.cli.watch.stream import Connected, Event, Lost, events
from app.resources.sa_contexts.summarized_schema import SummarizedSaContext
from tests.cli.served import SECONDS


MEDIA_TYPE = "text/event-stream"


@contextmanager
def answering(
    body: bytes, media_type: str = MEDIA_TYPE, status: int = 200, **headers: str
) -> Iterator[str]:
    """A server that has one answer; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(SECONDS)


async def until_lost(url: str) -> list[Connected | Event | Lost]:
    """Return all messages until the stream ends."""
    words: list[Connected | Event | Lost] = []
    with anyio.fail_after(SECONDS):
        async with create_client(Server(url)) as client, aclosing(events(client, {})) as source:
            async for word in source:
                words.append(word)
                if isinstance(word, Lost):
                    return words
    raise AssertionError


def event(kind: str, data: object) -> bytes:
    return f"event: {kind}\nid: a-1\ndata: {json.dumps(data)}\n\n".encode()


DEEP = b"event: reset\ndata: " + b'{"a":' * 600 + b"1" + b"}" * 600 + b"\n\n"
"""orjson reads that many levels, but does not write them."""

CONTEXT: dict[str, Any] = {
    **dict.fromkeys(to_camel(name) for name in SummarizedSaContext.model_fields),
    "saContextId": "5",
    "state": "no_sa",
    "weaknesses": [],
}
CONTEXTS: list[object] = [
    None,
    [],
    "x",
    {},
    {**CONTEXT, "saContextId": 5},
    {**CONTEXT, "weaknesses": None},
    {**CONTEXT, "state": []},
    {"saContextId": "5", "outboundSa": None, "inboundSa": None},
]
MALFORMED = [
    b"data: hello\n\n",
    b"data: []\n\n",
    b"data: null\n\n",
    b'data: {"a":"\\ud800"}\n\n',
    b"data: \xff\xfe\n\n",
    b"data: " + b"[" * 5000 + b"\n\n",
    b"id: \xc3\xa4\ndata: {}\n\n",
    b"id: a\x1b\ndata: {}\n\n",
    *(event("added", {"saContext": context}) for context in CONTEXTS),
    *(event("modified", {"saContext": context}) for context in CONTEXTS),
    event("added", {}),
    event("deleted", {}),
    event("deleted", {"saContextId": 5}),
    event("deleted", {"saContextId": []}),
    event("reset", {"saContextId": 5}),
]


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_event_ends_with_one_sentence(body: bytes) -> None:
    with answering(body) as url:
        result = CliRunner().invoke(cli, ["watch", "--url", url])

    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("sa-contexts: an event of the server ")


def test_event_too_deep_to_be_written_ends_with_one_sentence() -> None:
    with answering(DEEP) as url:
        result = CliRunner().invoke(cli, ["watch", "--json", "--url", url])

    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


@pytest.mark.anyio
async def test_malformed_event_leaves_the_screen() -> None:
    terminal = StringIO()
    console = Console(file=terminal, width=80, height=24, force_terminal=True)

    with answering(event("added", {})) as url, pytest.raises(RequestRejected, match="shape"):
        await watch_on_screen(Server(url), {}, console)

    assert terminal.getvalue().endswith("\x1b[?1049l")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "retry", ["0", "1", "-5", "999999999999", "9" * 400, "9" * 5000, "1e3", "\u0661", ""]
)
async def test_retry_is_bounded(retry: str) -> None:
    with answering(f"retry: {retry}\n\n".encode()) as url:
        words = await until_lost(url)

    assert isinstance(words[-1], Lost)
    assert 1 <= words[-1].seconds <= 30


@pytest.mark.anyio
@pytest.mark.parametrize("given", ["0", "5", "9999", "999999999", "9" * 5000, "-1", "\u0661", "x"])
async def test_retry_after_is_bounded(given: str) -> None:
    given = given.encode().decode("latin-1")
    with answering(b"", status=503, Retry_After=given) as url:
        words = await until_lost(url)

    assert isinstance(words[-1], Lost)
    assert 1 <= words[-1].seconds <= 300


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        b"data: " + b"x" * (2 << 20),
        b"data: x\n" * (1 << 18),
        b":" + b"x" * (2 << 20),
        b": comment\n\n" * 10_000,
        b"\n" * 10_000,
        b"nonsense\r\r\n\x00\xff",
        b"event: added\n\n",
        b"",
    ],
)
async def test_stream_without_an_event_is_asked_for_again(body: bytes) -> None:
    with answering(body) as url:
        words = await until_lost(url)

    assert [type(word) for word in words] == [Connected, Lost]


@pytest.mark.anyio
@pytest.mark.parametrize("charset", ["utf-16", "rot13", "zlib", "idna", "nonsense"])
async def test_charset_of_a_stream_is_ignored(charset: str) -> None:
    """HTML, 9.2.5: it is UTF-8, whatever it says."""
    body = 'event: reset\ndata: {"a":"ä"}\n\n'.encode()
    with answering(body, f"{MEDIA_TYPE}; charset={charset}") as url:
        words = await until_lost(url)

    assert words[1] == Event("reset", "", {"a": "ä"})


@pytest.mark.anyio
async def test_bad_compression_is_asked_for_again() -> None:
    with answering(b"no gzip", Content_Encoding="gzip") as url:
        words = await until_lost(url)

    assert isinstance(words[-1], Lost)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"detail":1,"errors":5}', b'{"detail":"x","errors":[[]]}', b"\xff"],
)
async def test_malformed_problem_is_said_in_one_sentence(body: bytes) -> None:
    with (
        answering(body, "application/problem+json", 404) as url,
        pytest.raises(RequestRejected, match="rejects the request: "),
    ):
        await until_lost(url)


def test_rekeyed_id_cannot_move_the_cursor() -> None:
    contexts = Contexts(lambda: 0.0)
    contexts.apply(Connected(is_initial=False))
    contexts.apply(Event("added", "", {"saContext": CONTEXT, "rekey": {"replaces": "\x1b[2J"}}))

    assert "\x1b" not in str(screen_of(contexts, "", 80, 24).rows)
    (row,) = screen_of(contexts, "", 80, 24).rows
    assert all(cell.isprintable() for cell in row)

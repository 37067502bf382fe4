"""Watching a running server: the client has the engine's contexts, whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import anyio
import anyio.to_thread
import pytest
import typer
from anyio.abc import SocketAttribute, SocketStream
from rich.console import Console
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.client import RequestRejected, Server, create_client
from app.cli.main import app as cli
from app.cli.watch.contexts import Contexts
from app.cli.watch.run import watch_on_screen
from app.cli.watch.stream import Connected, Event, Lost, events
from app.resources.sa_contexts.event_schema import SaContextEvent
from tests.cli.served import SECONDS, served


INITIAL = {"initial": "true", "view": "summary"}
TOKEN = "mF_9.B5f-4.1JqM"  # noqa: S105  # an example
"""RFC 6750, 2.1."""


class Watching:
    """A watching client, and its contexts."""

    def __init__(self, words: AsyncIterator[Connected | Lost | Event]) -> None:
        self.contexts = Contexts(lambda: 0.0)
        self.words: list[Connected | Lost | Event] = []
        self._source = words

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(SECONDS):
            while not condition():
                self.words.append(await anext(self._source))
                self.contexts.apply(self.words[-1])

    @property
    def ids(self) -> list[int]:
        rows = self.contexts.rows.items()
        return sorted(int(number) for number, shown in rows if shown.change != "deleted")

    def knows(self, simulator: Simulator) -> bool:
        is_whole = isinstance(self.words[-1], Event) if self.words else False
        return is_whole and self.ids == simulator.ids()

    def of_kind(self, kind: str) -> list[Event]:
        return [word for word in self.words if isinstance(word, Event) and word.kind == kind]

    def lost(self) -> list[Lost]:
        return [word for word in self.words if isinstance(word, Lost)]


@asynccontextmanager
async def watching(port: int, path: str = "", **filters: str) -> AsyncIterator[Watching]:
    async with (
        create_client(Server(f"http://127.0.0.1:{port}{path}")) as client,
        aclosing(events(client, {**INITIAL, **filters})) as words,
    ):
        yield Watching(words)


@pytest.mark.anyio
async def test_what_comes_and_goes_is_followed(simulator: Simulator) -> None:
    with served(20) as port:
        async with watching(port) as watch:
            await watch.until(lambda: bool(watch.of_kind("snapshot_end")))
            assert watch.ids == simulator.ids()

            gone = simulator.ids()[3]
            simulator.delete(gone)
            await watch.until(lambda: bool(watch.of_kind("deleted")))

            assert watch.ids == simulator.ids()
            assert len(watch.contexts) == 19
            assert next(iter(watch.contexts.rows)) == str(gone)
            simulator.churn(50)
            await watch.until(lambda: watch.knows(simulator))
            assert (watch.contexts.resets, watch.lost()) == (0, [])


@pytest.mark.anyio
async def test_a_restart_of_the_engine_begins_it_anew(simulator: Simulator) -> None:
    with served(20, refresh_interval_seconds=0.1) as port:
        async with watching(port) as watch:
            await watch.until(lambda: watch.knows(simulator))

            simulator.stop_engine()
            simulator.start_engine()
            simulator.populate(7, 99)
            await watch.until(lambda: len(watch.of_kind("snapshot_end")) > 1)
            await watch.until(lambda: watch.knows(simulator))

            assert len(watch.ids) == 7
            assert watch.contexts.resets >= 1
            assert watch.lost() == []


@pytest.mark.anyio
async def test_a_restart_of_the_server_begins_it_anew(simulator: Simulator) -> None:
    with ExitStack() as first:
        port = first.enter_context(served(20))
        async with watching(port) as watch:
            await watch.until(lambda: watch.knows(simulator))

            await anyio.to_thread.run_sync(first.close)
            await watch.until(lambda: len(watch.lost()) > 0)
            with served(9, port):
                await watch.until(lambda: len(watch.of_kind("snapshot_end")) > 1)

                assert len(watch.ids) == 9
                assert watch.ids == simulator.ids()
                assert watch.contexts.resets == 1
                assert watch.words.count(Connected(is_initial=True)) == 1


@pytest.mark.anyio
async def test_nothing_is_missed_between_two_streams(simulator: Simulator) -> None:
    with served(20, max_stream_seconds=0.5) as port:
        async with watching(port) as watch:
            await watch.until(lambda: watch.knows(simulator))
            await watch.until(lambda: len(watch.lost()) == 1)

            gone = simulator.ids()[:5]
            for number in gone:
                simulator.delete(number)
            await watch.until(lambda: watch.knows(simulator))

            assert {word.data["saContextId"] for word in watch.of_kind("deleted")} == {
                *map(str, gone)
            }
            assert watch.contexts.resets == 0
            assert len(watch.of_kind("added")) == 20


@pytest.mark.anyio
async def test_the_servers_filters_apply(simulator: Simulator) -> None:
    with served(100) as port:
        async with watching(port, weakness="3des") as watch:
            await watch.until(lambda: bool(watch.of_kind("snapshot_end")))

            assert 0 < len(watch.ids) < simulator.count()
            rows = [shown.row for shown in watch.contexts.rows.values()]
            assert all("3des" in row.protection for row in rows)


@pytest.mark.anyio
async def test_a_server_that_is_full_is_asked_again(simulator: Simulator) -> None:
    with served(1, max_streams=1) as port:
        async with watching(port) as first, watching(port) as second:
            await first.until(lambda: first.knows(simulator))

            await second.until(lambda: bool(second.lost()))

            assert second.lost()[0].seconds >= 1
            assert "stream" in second.lost()[0].reason.lower()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "filters", "sentence"),
    [
        (
            "",
            {"weakness": "nothing"},
            "rejects the request: At least one parameter is not valid: --weakness: ",
        ),
        ("/nowhere", {}, "/nowhere/sa-contexts/events rejects the request: "),
    ],
)
@pytest.mark.usefixtures("simulator")
async def test_what_cannot_be_watched_is_said(
    path: str, filters: dict[str, str], sentence: str
) -> None:
    with served(1) as port:
        async with watching(port, path, **filters) as watch:
            with pytest.raises(RequestRejected, match=re.escape(sentence)):
                await watch.until(lambda: False)


@pytest.mark.anyio
async def test_nobody_there_is_said() -> None:
    async with watching(1) as watch:
        with pytest.raises(RequestRejected, match=re.escape("cannot reach http://127.0.0.1:1")):
            await watch.until(lambda: False)


class OtherServer(BaseHTTPRequestHandler):
    """Another kind of server: the path after `/` is its response."""

    def do_GET(self) -> None:
        media_type, _, body = unquote(self.path.split("/sa-contexts/")[0][1:]).partition(" ")
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Say nothing."""


@pytest.fixture
def other_server() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), OtherServer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(SECONDS)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("text%2Fhtml%20hello", "answers with text/html instead of events"),
        ("text%2Fevent-stream%20data:%20hello%0A%0A", "is not JSON"),
        ("text%2Fevent-stream%20data:%20[]%0A%0A", "is not an object"),
    ],
)
async def test_another_kind_of_server_is_refused(
    other_server: int, answer: str, sentence: str
) -> None:
    async with watching(other_server, f"/{answer}") as watch:
        with pytest.raises(RequestRejected, match=re.escape(sentence)):
            await watch.until(lambda: False)


@pytest.mark.anyio
async def test_the_screen_is_left_when_the_server_refuses(other_server: int) -> None:
    terminal = StringIO()
    console = Console(file=terminal, width=80, height=24, force_terminal=True)

    server = Server(f"http://127.0.0.1:{other_server}/text%2Fhtml%20")
    with pytest.raises(RequestRejected, match="instead of events"):
        await watch_on_screen(server, INITIAL, console)

    assert terminal.getvalue().endswith("\x1b[?1049l")


@pytest.mark.parametrize("url", ["nowhere", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_what_is_no_url_is_said(url: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a URL"):
        create_client(Server(url))


@pytest.mark.anyio
async def test_no_proxy_sees_what_is_sent_in_clear_text(
    simulator: Simulator, other_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{other_server}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{other_server}")
    with served(3) as port:
        async with watching(port) as watch:
            await watch.until(lambda: watch.knows(simulator))

    async with (
        create_client(Server("http://server.invalid", TOKEN)) as client,
        aclosing(events(client, INITIAL)) as words,
    ):
        with pytest.raises(RequestRejected, match="cannot reach"):
            await anext(words)


@pytest.mark.anyio
async def test_a_proxy_is_asked_for_a_tunnel_and_sent_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 9110, 9.3.6: the tunnel's content is between its two ends."""
    asked = b""

    async def proxy(connection: SocketStream) -> None:
        nonlocal asked
        async with connection:
            asked += await connection.receive()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        async with (
            anyio.create_task_group() as tasks,
            create_client(Server("https://server.invalid", TOKEN)) as client,
            aclosing(events(client, INITIAL)) as words,
        ):
            tasks.start_soon(listener.serve, proxy)
            with pytest.raises(RequestRejected, match="cannot reach"):
                await anext(words)
            tasks.cancel_scope.cancel()

    assert asked.startswith(b"CONNECT server.invalid:443 ")
    assert TOKEN.encode() not in asked


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("http://192.0.2.1:8080", True),
        ("HTTP://server.invalid", True),
        ("http://127.0.0.1.server.invalid", True),
        ("http://127.0.0.1:1", False),
        ("http://LOCALHOST:1", False),
        ("http://[::1]:1", False),
        ("https://server.invalid", False),
    ],
)
def test_a_key_does_not_leave_the_machine_in_clear_text(
    monkeypatch: pytest.MonkeyPatch, url: str, is_refused: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("app.cli.watch.run.run", lambda server, *_, **__: asked.append(server.url))
    sentence = "would go in clear text"
    options = ["watch", "--url", url]

    with_key = CliRunner().invoke(cli, options, env={"SA_CONTEXTS_TOKEN": TOKEN})
    assert (with_key.exit_code, sentence in with_key.output) == (
        (1, True) if is_refused else (0, False)
    )
    assert TOKEN not in with_key.output
    assert asked == ([] if is_refused else [url])
    asked.clear()
    insecure = CliRunner().invoke(
        cli, [*options, "--allow-insecure"], env={"SA_CONTEXTS_TOKEN": TOKEN}
    )
    keyless = CliRunner().invoke(cli, options, env={"SA_CONTEXTS_TOKEN": None})
    assert (insecure.exit_code, keyless.exit_code) == (0, 0)
    assert asked == [url, url]


def test_default_url_has_the_port_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("app.cli.watch.run.run", lambda server, *_, **__: asked.append(server.url))

    for port in ("9911", None):
        CliRunner().invoke(cli, ["watch"], env={"SA_CONTEXTS_PORT": port})
    invalid = CliRunner().invoke(cli, ["watch"], env={"SA_CONTEXTS_PORT": "0x1"})

    named = {"SA_CONTEXTS_URL": "http://localhost:1", "SA_CONTEXTS_PORT": "9911"}
    CliRunner().invoke(cli, ["watch"], env=named)

    assert asked == ["http://127.0.0.1:9911", "http://127.0.0.1:8080", "http://localhost:1"]
    assert invalid.exit_code == 1
    assert "the setting port is not valid" in invalid.stderr


class Terminal(StringIO):
    """Signals that something has been printed."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self.has_come = anyio.Event()
        self._awaited = awaited

    def write(self, text: str) -> int:
        if self._awaited in text:
            self.has_come.set()
        return super().write(text)


@pytest.mark.anyio
async def test_the_screen_shows_what_the_engine_has(simulator: Simulator) -> None:
    terminal = Terminal("6 SA contexts")
    console = Console(file=terminal, width=200, height=40, force_terminal=True)
    with served(6) as port:
        async with anyio.create_task_group() as tasks:
            server = Server(f"http://127.0.0.1:{port}")
            tasks.start_soon(watch_on_screen, server, INITIAL, console)
            with anyio.fail_after(SECONDS):
                await terminal.has_come.wait()
            tasks.cancel_scope.cancel()

    shown = terminal.getvalue()
    assert all(str(number) in shown for number in simulator.ids())
    assert shown.startswith("\x1b[?1049h")
    assert shown.endswith("\x1b[?1049l")


@contextmanager
def command(port: int, *options: str, **keywords: Any) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [sys.executable, "-m", "app", "watch", "--url", f"http://127.0.0.1:{port}"]
    with subprocess.Popen([*arguments, *options], **keywords) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: subprocess.Popen[bytes], kind: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.decode())
        if kind in lines[-1]:
            break
    return lines


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_full_disk_ends_the_watch_with_one_sentence(simulator: Simulator) -> None:
    assert simulator.count() == 0
    with (
        Path("/dev/full").open("wb") as full,
        served(3) as port,
        command(port, stdout=full, stderr=subprocess.PIPE) as process,
    ):
        _, said = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert said == b"sa-contexts: cannot write the output: No space left on device\n"


def test_a_pipe_gets_a_line_for_each_event(simulator: Simulator) -> None:
    with served(20) as port, command(port, stdout=subprocess.PIPE) as process:
        lines = lines_until(process, "\tsnapshot_end\t")
        assert [int(line.split("\t")[2]) for line in lines[:-1]] == simulator.ids()

        gone = simulator.ids()[0]
        simulator.delete(gone)
        (deleted,) = lines_until(process, "\tdeleted\t")

        # A deleted context is printed with its last known fields, so that one can find its peer.
        *fields, reason = deleted.rstrip("\n").split("\t")
        assert fields[2:] == lines[0].rstrip("\n").split("\t")[2:-1]
        assert reason in {"unknown", "main_mode_gone"}
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def test_json_is_what_the_server_sent(simulator: Simulator) -> None:
    with served(20) as port, command(port, "--json", stdout=subprocess.PIPE) as process:
        printed = [json.loads(line) for line in lines_until(process, '"snapshot_end"')]

        for each in printed[:-1]:
            assert each["event"] == "added"
            SaContextEvent.model_validate(each["data"])
        assert printed[-1]["id"] == "{epoch}-{revision}".format(**printed[-1]["data"])
        assert len(printed) == simulator.count() + 1
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


@pytest.mark.usefixtures("simulator")
def test_the_end_of_a_pipe_ends_it_without_a_word() -> None:
    with served(300) as port:
        keywords: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with command(port, "--json", **keywords) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()

            process.wait(SECONDS)

            assert process.stderr.read() == b""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_terminal_is_left_as_it_was(simulator: Simulator, end: signal.Signals) -> None:
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 160, 0, 0))
    seen = b""
    environment = {**os.environ, "TERM": "xterm-256color"}
    keywords: dict[str, Any] = {"stdin": other, "stdout": other, "env": environment}
    with served(5) as port, command(port, **keywords) as process:
        os.close(other)
        while b"5 SA contexts" not in seen:
            seen += os.read(terminal, 4096)
        process.send_signal(end)
        seen += rest(terminal)
        assert process.wait(SECONDS) == 0
    os.close(terminal)
    assert all(str(number).encode() in seen for number in simulator.ids())
    assert seen.index(b"\x1b[?1049h") < seen.index(b"5 SA contexts") < seen.index(b"\x1b[?1049l")
    assert b"\x1b[?25h" in seen[seen.rindex(b"\x1b[?25l") :]


def rest(terminal: int) -> bytes:
    """Return the remaining output, until no process can write any more."""
    seen = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux reports the end
            return seen
        if not part:
            return seen
        seen += part

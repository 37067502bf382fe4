"""How the server ends on Windows, with streams open; run by Windows' CPython only."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from bindings.console import (
    CTRL_BREAK_EVENT,
    CTRL_CLOSE_EVENT,
    CTRL_LOGOFF_EVENT,
    CTRL_SHUTDOWN_EVENT,
)


TARGET = Path(__file__).with_name("console_target.py")
STOP_SECONDS = 2.0
START_SECONDS = 120.0


@pytest.mark.parametrize(
    "event", [CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT]
)
def test_a_console_event_ends_the_server_in_good_order(event: int) -> None:
    with _server() as (server, port), ExitStack() as stack:
        streams = [stack.enter_context(_stream(server, port)) for _ in range(3)]
        for _ in range(2):  # clients that do not read
            stack.enter_context(_stream(server, port))
        assert server.stdin
        began = time.monotonic()
        server.stdin.write(b"%d\n" % event)
        server.stdin.flush()

        for stream in streams:
            assert re.search(rb'event: reconnect\ndata: {"time":"[^"]+Z"}\n\n\Z', stream.read())
        assert server.wait(30) == 0
        assert time.monotonic() - began < STOP_SECONDS


@contextmanager
def _server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, str(TARGET), "serve", "--engine", "windows", "--port", str(port)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            yield server, port
        finally:
            server.kill()


@contextmanager
def _stream(server: subprocess.Popen[bytes], port: int) -> Iterator[http.client.HTTPResponse]:
    """A stream that has begun."""
    with closing(_connected(server, port)) as connection:
        connection.request("GET", "/sa-contexts/events?initial=true")
        with connection.getresponse() as response:
            assert response.readline() == b"retry: 2000\n"
            yield response


def _connected(server: subprocess.Popen[bytes], port: int) -> http.client.HTTPConnection:
    """A connection, once the server listens."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.connect()
        except OSError:
            assert time.monotonic() < deadline
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)  # a process that has not begun to listen can only be polled
        else:
            return connection

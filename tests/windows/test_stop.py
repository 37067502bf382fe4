"""How the server ends on Windows, with streams open; run by Windows' CPython only."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bindings.console import (
    CTRL_BREAK_EVENT,
    CTRL_CLOSE_EVENT,
    CTRL_LOGOFF_EVENT,
    CTRL_SHUTDOWN_EVENT,
)


STOP_SECONDS = 2.0
START_SECONDS = 120.0


@pytest.mark.parametrize(
    "event", [CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT]
)
def test_that_a_console_event_ends_the_server_in_good_order(event: int) -> None:
    with _server() as (server, port):
        streams = [_stream(port) for _ in range(3)]
        unread = [_stream(port) for _ in range(2)]
        assert server.stdin
        began = time.monotonic()
        server.stdin.write(b"%d\n" % event)
        server.stdin.flush()

        for stream in streams:
            assert stream.read().endswith(b"event: reconnect\ndata: {}\n\n")
        assert server.wait(30) == 0
        assert time.monotonic() - began < STOP_SECONDS
        del unread


@contextmanager
def _server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "tests.windows.console_target", "serve", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--engine", "windows"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as server:
        try:
            yield server, port
        finally:
            server.kill()


def _stream(port: int) -> http.client.HTTPResponse:
    """A stream that has begun."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/sa-contexts/events?initial=true")
            response = connection.getresponse()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)  # a process that has not begun to listen can only be polled
        else:
            assert response.readline() == b"retry: 2000\n"
            return response

"""The standalone program, as a user starts it; run by Windows' CPython, which only watches.

SA_CONTEXTS_TEST_STANDALONE is the folder of the program. The `fwpuclnt.dll` of System32 holds 250
contexts: under Wine, the simulator's (filled.c).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


PROGRAM = Path(os.environ["SA_CONTEXTS_TEST_STANDALONE"], "sa-contexts.exe")
CONTEXTS = 250
START_SECONDS = 120.0


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a server that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    began = time.monotonic()
    with subprocess.Popen(
        [str(PROGRAM), "serve", "--engine", "windows", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait(process, port, began + START_SECONDS)
            took = time.monotonic() - began
            print(f"standalone: the first answer came {took:.1f} s after the start")  # noqa: T201
            yield port
        finally:
            process.kill()


def test_the_folder_is_found_by_a_path_with_spaces() -> None:
    assert " " in str(PROGRAM)
    assert _run("--version").decode().split()[0] == "sa-contexts"


def test_it_lists_contexts_without_a_server() -> None:
    items = json.loads(_run("list", "--json", "--engine", "windows"))["items"]

    assert len({item["saContextId"] for item in items}) == CONTEXTS


def test_it_has_the_other_commands() -> None:
    assert b"--json" in _run("doctor", "--help")
    assert b"install" in _run("service", "--help")
    assert b"revoke" in _run("keys", "--help")


def test_there_is_no_simulator_in_it() -> None:
    rejected = subprocess.run(
        [str(PROGRAM), "list", "--engine", "simulator"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=START_SECONDS,
    )

    assert rejected.returncode == 1
    assert b"simulator" in rejected.stderr
    assert not [path for path in PROGRAM.parent.rglob("*") if "simulator" in path.name.lower()]


def test_it_serves_contexts(server: int) -> None:
    page = json.loads(_get(server, "/sa-contexts?limit=5", "application/json"))

    assert len(page["items"]) == 5
    assert page["items"][0]["outboundSa"]["saBundle"]["saList"]


@pytest.mark.parametrize(
    ("path", "media_type", "expected"),
    [
        ("/", "text/html", b'id="console"'),
        ("/docs", "text/html", b"swagger"),
        ("/openapi.json", "application/json", b"/sa-contexts/{saContextId}"),
        ("/problems/not_found", "application/json", b"not_found"),
        ("/metrics", "text/plain", b"wfp_"),
        ("/net-events", "application/json", b"items"),
    ],
)
def test_it_carries_what_it_serves(
    server: int, path: str, media_type: str, expected: bytes
) -> None:
    assert expected in _get(server, path, media_type)


def test_the_page_of_the_api_is_whole(server: int) -> None:
    page = _get(server, "/docs", "text/html").decode()
    parts = re.findall(r'(?:src|href)="(docs/[^"]+)"', page)

    assert any(
        "SwaggerUIBundle" in _get(server, f"/{part}", None).decode("latin-1") for part in parts
    )


def _run(*arguments: str) -> bytes:
    return subprocess.run(
        [str(PROGRAM), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=START_SECONDS,
    ).stdout


def _get(port: int, path: str, media_type: str | None) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        headers = {} if media_type is None else {"Accept": media_type}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200
        assert media_type in {None, answer.headers.get_content_type()}
        return body


def _wait(process: subprocess.Popen[Any], port: int, deadline: float) -> None:
    while True:
        try:
            _get(port, "/sa-contexts?limit=1", "application/json")
        except OSError:
            assert time.monotonic() < deadline
            assert process.poll() is None, "the server ended"
            time.sleep(0.05)  # a process that has not begun to listen can only be polled
        else:
            return

"""The standalone program as a service; run by Windows' CPython, which only watches.

tests/windows/test_service.py has the service's whole life; the program takes the same path.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest


PROGRAM = Path(os.environ["SA_CONTEXTS_TEST_STANDALONE"], "sa-contexts.exe")
FOLDER = Path(os.environ["ProgramData"]) / "sa-contexts"  # noqa: SIM112  # Windows' own spelling
SECONDS = 120.0


@pytest.fixture
def port() -> Iterator[int]:
    """The port of an installed service, which does not run yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    _service("install")
    (FOLDER / "settings.toml").write_text(f"port = {port}\n", encoding="utf-8")
    try:
        yield port
    finally:
        _service("remove", "--purge")
    assert not FOLDER.exists()


def test_it_serves_as_a_service(port: int) -> None:
    _service("start")

    assert f'command: "{PROGRAM}" --settings ' in _service("status")
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/sa-contexts?limit=1")
        answer = connection.getresponse()
        assert answer.status == 200
        assert b'"saContextId"' in answer.read()
    _service("stop")
    assert "state: stopped\n" in _service("status", exits_with=3)


def test_a_wrong_setting_ends_it(port: int) -> None:
    (FOLDER / "settings.toml").write_text(f"port = {port}\nprot = 1\n", encoding="utf-8")

    assert "its own 1" in _service("start", exits_with=1)


def _service(*arguments: str, exits_with: int = 0) -> str:
    done = subprocess.run(
        [str(PROGRAM), "service", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=SECONDS,
        text=True,
    )
    assert done.returncode == exits_with, done.stdout
    return done.stdout

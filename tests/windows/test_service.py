"""The server as a service, by the commands an administrator gives; run by Windows' CPython only.

The service control manager is the system's, and so is all that is asked of it here.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
import winreg
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import win32service
import winerror
from typer.testing import CliRunner

from app.cli.service import app
from bindings.library import system_folder


FOLDER = Path(os.environ["ProgramData"]) / "sa-contexts"  # noqa: SIM112  # Windows' own spelling
STOP_SECONDS = 2.0
NAME = "sa-contexts"

RUNNING, NOT_RUNNING, NOT_INSTALLED = 0, 3, 4
"""The exit codes of `sa-contexts service status`, as docs/service.md has them."""


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(autouse=True)
def _installed(port: int) -> Iterator[None]:
    CliRunner().invoke(app, ["remove", "--purge"])  # what a test that was cut off left
    _service("install")
    _set(f"port = {port}\n")
    try:
        yield
    finally:
        _service("remove", "--purge")
    assert _service("status", exits_with=NOT_INSTALLED) == "there is no service sa-contexts\n"
    assert not FOLDER.exists()


def test_it_serves_and_stops_with_streams_open(port: int) -> None:
    assert "state: stopped\n" in _service("status", exits_with=NOT_RUNNING)

    _service("start")

    status = _service("status", exits_with=RUNNING)
    assert "state: running\n" in status
    assert "process id: 0\n" not in status
    with ExitStack() as stack:
        connection = stack.enter_context(_connected(port))
        connection.request("GET", "/sa-contexts?limit=2")
        with connection.getresponse() as response:
            assert response.status == 200
            assert b'"saContextId"' in response.read()
        streams = [stack.enter_context(_stream(port)) for _ in range(3)]
        stack.enter_context(_stream(port))  # a client that does not read
        began = time.monotonic()
        _control(win32service.SERVICE_CONTROL_STOP)

        for stream in streams:
            assert re.search(rb'event: reconnect\ndata: {"time":"[^"]+Z"}\n\n\Z', stream.read())
        _wait_for_end()
        assert time.monotonic() - began < STOP_SECONDS
    status = _service("status", exits_with=NOT_RUNNING)
    assert "state: stopped\n" in status
    assert "exit code: 0\n" in status
    log = (FOLDER / "logs" / "sa-contexts.log").read_text(encoding="utf-8")
    assert "listening" in log
    assert "stopped" in log


def test_it_is_stopped_and_started_again(port: int) -> None:
    for _ in range(2):
        _service("start")
        assert _status_of("/sa-contexts", port) == 200
        _service("stop")
        with pytest.raises(ConnectionRefusedError), _connected(port):
            pass
    _service("stop")  # is no failure where it does not run


def test_it_is_removed_while_it_runs(port: int) -> None:
    _service("start")

    said = _service("remove")

    assert "is deleted" in said
    with pytest.raises(ConnectionRefusedError), _connected(port):
        pass
    assert (FOLDER / "settings.toml").exists()
    _service("install")  # what the fixture removes


def test_installing_again_keeps_the_settings(port: int) -> None:
    _service("install")

    assert (FOLDER / "settings.toml").read_text(encoding="utf-8") == f"port = {port}\n"
    _service("start")
    assert _status_of("/health/live", port) == 200


@pytest.mark.parametrize(
    "settings",
    [
        "port = 70000\n",
        "prot = 80\n",
        "port = \n",
        "library = 'C:\\own.dll'\n",
        "host = '192.0.2.1'\n",
    ],
)
def test_it_ends_where_its_settings_are_wrong(settings: str) -> None:
    _set(settings)

    assert "Event Log" in _service("start", exits_with=1)

    status = _service("status", exits_with=NOT_RUNNING)
    assert f"exit code: {winerror.ERROR_SERVICE_SPECIFIC_ERROR}\n" in status
    assert "own exit code: 1\n" in status


def test_it_loads_another_library_if_both_settings_say_so(port: int) -> None:
    library = system_folder() / "fwpuclnt.dll"
    _set(f"port = {port}\nlibrary = '{library}'\nallow_library_in_service = true\n")

    _service("start")

    assert _status_of("/sa-contexts", port) == 200


def test_only_the_service_control_manager_runs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "service", "run"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
        text=True,
        encoding="utf-8",
    )

    assert done.returncode == 1
    assert "is for the service control manager" in done.stdout


def test_what_the_service_control_manager_stores() -> None:
    with _opened(win32service.SERVICE_QUERY_CONFIG) as service:
        found = win32service.QueryServiceConfig(service)
        description = win32service.QueryServiceConfig2(
            service, win32service.SERVICE_CONFIG_DESCRIPTION
        )
    kind, start, errors, command, _, _, _, account, _ = found
    assert kind == win32service.SERVICE_WIN32_OWN_PROCESS
    assert start == win32service.SERVICE_AUTO_START
    assert errors == win32service.SERVICE_ERROR_NORMAL
    assert command.endswith(rf"--settings {FOLDER}\settings.toml service run")
    assert account == r"NT SERVICE\sa-contexts"
    assert "IPsec" in description
    # Wine stores the dependencies, but does not report them.
    assert _registered(NAME, "DependOnService") == ["BFE"]
    message_file = _registered(rf"EventLog\Application\{NAME}", "EventMessageFile")
    assert message_file == r"%SystemRoot%\System32\EventCreate.exe"


def _service(command: str, *options: str, exits_with: int = 0) -> str:
    """What `sa-contexts service` says."""
    done = CliRunner().invoke(app, [command, *options])
    assert done.exit_code == exits_with, done.output
    return done.output


def _set(settings: str) -> None:
    (FOLDER / "settings.toml").write_text(settings, encoding="utf-8", newline="\n")


def _registered(key: str, name: str) -> Any:
    path = rf"SYSTEM\CurrentControlSet\Services\{key}"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as opened:  # type: ignore[attr-defined]
        return winreg.QueryValueEx(opened, name)[0]  # type: ignore[attr-defined]


class _opened:  # noqa: N801  # used as a context
    def __init__(self, access: int) -> None:
        self._access = access

    def __enter__(self) -> Any:
        self._manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_CONNECT)
        self._service = win32service.OpenService(self._manager, NAME, self._access)
        return self._service

    def __exit__(self, *_: object) -> None:
        win32service.CloseServiceHandle(self._service)
        win32service.CloseServiceHandle(self._manager)


def _control(control: int) -> None:
    with _opened(win32service.SERVICE_STOP) as service:
        win32service.ControlService(service, control)


def _wait_for_end() -> None:
    deadline = time.monotonic() + 30
    with _opened(win32service.SERVICE_QUERY_STATUS) as service:
        while win32service.QueryServiceStatus(service)[1] != win32service.SERVICE_STOPPED:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # the service control manager can only be polled


def _connected(port: int) -> closing[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.connect()
    return closing(connection)


def _status_of(path: str, port: int) -> int:
    with _connected(port) as connection:
        connection.request("GET", path)
        with connection.getresponse() as response:
            return response.status


class _stream:  # noqa: N801  # used as a context
    """A stream that has begun."""

    def __init__(self, port: int) -> None:
        self._connection = _connected(port)

    def __enter__(self) -> http.client.HTTPResponse:
        connection = self._connection.__enter__()
        connection.request("GET", "/sa-contexts/events?initial=true")
        self._response = connection.getresponse()
        assert self._response.readline() == b"retry: 2000\n"
        return self._response

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._connection.__exit__()

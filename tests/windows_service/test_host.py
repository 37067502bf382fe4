"""The service's process, with the test in the place of the service control manager."""

from __future__ import annotations

import http.client
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from app.settings.file import VARIABLE
from app.telemetry.logging.configuration import configure_logging
from tests.conftest import SIMULATOR_PATH
from tests.windows_service.fake_windows import (
    RUNNING,
    START_PENDING,
    STOP_PENDING,
    STOPPED,
    WindowsError,
    on_windows,
)


SECONDS = 30
PRESHUTDOWN = 0xF
"""SERVICE_CONTROL_PRESHUTDOWN (winsvc.h)"""
ERROR = 1
"""EVENTLOG_ERROR_TYPE (winnt.h)"""
CANNOT_START = 102
"""The event, as docs/audit.md has it."""


class Ended(Exception):
    """In place of the end of the process."""


@dataclass
class Manager:
    """The service control manager."""

    reports: Queue[tuple[int, int, int]] = field(default_factory=Queue)
    reported: list[str] = field(default_factory=list)
    connects: bool = True
    service: Any = None
    module: Any = None

    def run(self) -> None:
        """Have the service begin, as the dispatcher does on a thread of its own."""
        self.service = self.module.Hosted(["sa-contexts"])
        try:
            self.service.SvcRun()
        except Ended:
            return
        self.reports.put((STOPPED, 0, 0))  # as pywin32 does it

    def report(
        self,
        _source: str,
        kind: int,
        _category: int,
        event: int,
        _sid: None,
        texts: list[str],
        _: None,
    ) -> None:
        """Keep errors that were reported to the Event Log."""
        if kind == ERROR:
            assert event == CANNOT_START
            self.reported += texts

    def next_report(self) -> tuple[int, int, int]:
        """State, exit code and the service's own one."""
        return self.reports.get(timeout=SECONDS)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    manager = Manager()

    class Framework:
        """`win32serviceutil.ServiceFramework`, as far as it is used."""

        def __init__(self, arguments: list[str]) -> None:
            assert arguments == ["sa-contexts"]

        def ReportServiceStatus(  # noqa: N802  # pywin32's
            self,
            state: int,
            _wait: int = 0,
            win32ExitCode: int = 0,  # noqa: N803  # the same
            svcExitCode: int = 0,  # noqa: N803  # the same
        ) -> None:
            manager.reports.put((state, win32ExitCode, svcExitCode))

    def connect() -> None:
        if not manager.connects:
            raise WindowsError(1063, "StartServiceCtrlDispatcher")

    def end(_code: int) -> None:
        raise Ended

    interval = sys.getswitchinterval()
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "settings.toml"))
    with on_windows(
        tmp_path,
        win32serviceutil=vars(SimpleNamespace(ServiceFramework=Framework)),
        servicemanager={
            "Initialize": lambda *_: None,
            "PrepareToHostSingle": lambda _: None,
            "StartServiceCtrlDispatcher": connect,
        },
        win32evtlog={
            "RegisterEventSource": lambda _server, source: source,
            "ReportEvent": manager.report,
            "DeregisterEventSource": lambda _source: None,
        },
    ):
        from app.windows_service import host  # noqa: PLC0415  # with what it is given

        manager.module = host
        yield manager
    sys.setswitchinterval(interval)
    configure_logging("json", "debug")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text)


@pytest.mark.parametrize(
    "deliver",
    [
        lambda service: service.SvcStop(),
        lambda service: service.SvcOtherEx(PRESHUTDOWN, 0, None),
    ],
    ids=["stop", "preshutdown"],
)
def test_it_runs_until_it_is_asked_to_stop(
    manager: Manager, tmp_path: Path, deliver: Callable[[Any], None]
) -> None:
    port = _free_port()
    _settings(
        tmp_path,
        f"port = {port}\nlibrary = '{SIMULATOR_PATH}'\nallow_library_in_service = true\n"
        "simulated_contexts = 3\nsimulated_churn = 0\n",
    )
    thread = Thread(target=manager.run)
    thread.start()
    assert manager.next_report() == (START_PENDING, 0, 0)
    assert manager.next_report() == (RUNNING, 0, 0)

    # A running service listens.
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request("GET", "/sa-contexts/events?initial=true")
        with connection.getresponse() as stream:
            assert stream.readline() == b"retry: 2000\n"
            began = time.monotonic()
            deliver(manager.service)
            assert re.search(rb'event: reconnect\ndata: {"time":"[^"]+Z"}\n\n\Z', stream.read())
    assert manager.next_report() == (STOP_PENDING, 0, 0)
    assert manager.next_report() == (STOPPED, 0, 0)
    thread.join(SECONDS)
    assert time.monotonic() - began < 2
    log = (tmp_path / "logs" / "sa-contexts.log").read_text()
    assert "listening" in log
    assert manager.reported == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("port = 70000", "the setting port is not valid"),
        ("prot = 1", "the setting prot is not valid"),
        ("port: 1", "are not TOML"),
        (f"library = '{SIMULATOR_PATH}'", "allow_library_in_service"),
        ("library = '/nowhere.dll'\nallow_library_in_service = true", "/nowhere.dll"),
        ("api_keys_file = '/nowhere.json'\nengine = 'simulator'", "/nowhere.json"),
        ("host = '192.0.2.1'\nengine = 'simulator'", "cannot listen on 192.0.2.1:8080"),
    ],
)
def test_it_says_why_it_cannot_start(
    manager: Manager, tmp_path: Path, settings: str, reason: str
) -> None:
    _settings(tmp_path, settings)

    manager.run()

    assert manager.next_report() == (START_PENDING, 0, 0)
    assert manager.next_report() == (STOPPED, 1066, 1)
    assert manager.reports.empty()
    [report] = manager.reported
    assert "startup_failed" in report
    assert reason in report


def test_it_is_notified_of_shutdowns_before_others_are(manager: Manager) -> None:
    service = manager.module.Hosted(["sa-contexts"])

    assert service.GetAcceptedControls() == 0x1 | 0x100  # SERVICE_ACCEPT_…, winsvc.h


def test_controls_that_it_does_not_know_stop_nothing(manager: Manager) -> None:
    service = manager.module.Hosted(["sa-contexts"])

    service.SvcOtherEx(0xD, 0, None)  # SERVICE_CONTROL_POWEREVENT

    assert manager.reports.empty()


def test_running_it_by_hand_is_explained(manager: Manager) -> None:
    manager.connects = False

    with pytest.raises(manager.module.NotStartedAsService, match="use `service start`"):
        manager.module.run()

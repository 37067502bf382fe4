"""The doctor on Windows' own Python: findings about the host, from Windows or Wine."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.schemas.doctor import Finding, Outcome, Report
from bindings.account import account
from bindings.machine import machine_of
from bindings.services import ServiceState, service
from bindings.tcp_listeners import program_of, tcp_listeners


SECONDS = 300


def test_services_are_reported() -> None:
    winreg: Any = importlib.import_module("winreg")  # on Windows only
    found = service("RpcSs")
    with winreg.OpenKey(
        winreg.HKEY_LOCAL_MACHINE, r"System\CurrentControlSet\Services\RpcSs"
    ) as key:
        start, _ = winreg.QueryValueEx(key, "Start")

    assert found is not None
    assert found.state in {ServiceState.STOPPED, ServiceState.RUNNING}  # Wine starts it when needed
    assert found.start == start
    assert service("No such service") is None


def test_the_account_is_reported() -> None:
    found = account()

    assert found is not None
    assert found.is_administrator  # Wine makes its user an administrator


def test_who_listens_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (found,) = tcp_listeners(listener.getsockname()[1])

    assert found.process_id in {os.getpid(), None}  # Wine 8 does not report it
    assert program_of(os.getpid()) == Path(sys.executable).name
    assert program_of(0) is None


def test_programs_are_for_this_machine() -> None:
    machine = machine_of(Path(sys.executable))

    assert machine is not None
    assert machine.bits == 64


def test_a_taken_port_is_all_that_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        report = _examined("--port", str(other.getsockname()[1]))

    failed = {finding.name for finding in report.findings if finding.outcome is Outcome.FAILURE}
    assert failed == {"port"}
    assert report.engine == "simulator"
    assert (
        str(_finding(report, "library").facts["path"]).lower().endswith(r"\system32\fwpuclnt.dll")
    )
    assert _finding(report, "windows").outcome is Outcome.OK
    assert _finding(report, "account").facts["isAdministrator"] is True
    for name in ("bfe_service", "ikeext_service"):
        # Wine has no such services.
        assert _finding(report, name).outcome is Outcome.UNKNOWN


def _examined(*arguments: str) -> Report:
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--json", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return Report.model_validate_json(done.stdout)


def _finding(report: Report, name: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.name == name]
    return found

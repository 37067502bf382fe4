"""The steps of `sa-contexts service`, with predefined answers of Windows' functions."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from tests.windows_service.fake_windows import (
    ACCESS_DENIED,
    RUNNING,
    STOP_PENDING,
    STOPPED,
    Windows,
    on_windows,
)


NAME = "sa-contexts"
ACCOUNT = r"NT SERVICE\sa-contexts"


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Windows]:
    monkeypatch.setenv("ProgramData", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "win32")
    with on_windows(tmp_path) as windows:
        yield windows
        assert windows.open_handles == 0


def _service(*arguments: str, exits_with: int = 0) -> str:
    done = CliRunner().invoke(app, ["service", *arguments])
    assert done.exit_code == exits_with, (done.output, done.exception)
    return done.output


def _install(*options: str, exits_with: int = 0) -> str:
    return _service("install", "--anywhere", *options, exits_with=exits_with)


def test_what_windows_knows_of_the_service(windows: Windows) -> None:
    _install()

    service = windows.services[NAME]
    kind, start, errors, command, group, _, needs, account, _ = service.config
    assert (kind, start, errors, group) == (0x10, 2, 1, None)
    assert command.endswith("service run")
    assert needs == ["BFE"]
    assert account == ACCOUNT
    description = service.levels.pop("DESCRIPTION")
    assert "IPsec" in description
    assert service.levels == {
        "DELAYED_AUTO_START_INFO": True,
        "FAILURE_ACTIONS": {
            "ResetPeriod": 86_400,
            "RebootMsg": None,
            "Command": None,
            "Actions": [(1, 60_000)] * 3,
        },
        "FAILURE_ACTIONS_FLAG": True,
        "SERVICE_SID_INFO": 1,
        "REQUIRED_PRIVILEGES_INFO": ["SeChangeNotifyPrivilege"],
        "PRESHUTDOWN_INFO": 15_000,
    }
    assert windows.group == [ACCOUNT]
    assert windows.rights == []
    assert windows.sources == {NAME: r"%SystemRoot%\System32\EventCreate.exe"}
    assert set(windows.permissions) == {
        str(windows.root / NAME),
        str(windows.root / NAME / "logs"),
    }


def test_an_account_of_a_domain_may_log_on_as_a_service(windows: Windows) -> None:
    _install("--account", r"CORP\sa$")

    assert windows.services[NAME].config[7] == r"CORP\sa$"
    assert windows.rights == [(r"sid of CORP\sa$", ("SeServiceLogonRight",))]
    assert windows.group == [r"CORP\sa$"]


@pytest.mark.parametrize(
    "function",
    [
        "OpenSCManager",
        "CreateService",
        "SERVICE_CONFIG_FAILURE_ACTIONS",
        "SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO",
        "NetLocalGroupAddMembers",
        "AddSourceToRegistry",
        "CreateDirectory",
        "SetNamedSecurityInfo",
        "QueryServiceStatusEx",
    ],
)
def test_a_failure_undoes_what_was_done(windows: Windows, function: str) -> None:
    windows.failures[function] = ACCESS_DENIED

    said = _install(exits_with=1)

    assert "sa-contexts: cannot" in said
    assert f"error of {function}" in said
    assert windows.services == {}
    assert windows.group == []
    assert windows.sources == {}
    assert function == "SetNamedSecurityInfo" or not list(windows.root.iterdir())
    assert "what the command had created was removed" in said


def test_a_failure_leaves_the_service_of_before(windows: Windows) -> None:
    _install("--account", r"CORP\sa$")
    before = windows.services[NAME].config
    (windows.root / NAME / "settings.toml").write_text("port = 1\n")
    windows.failures["SetNamedSecurityInfo"] = ACCESS_DENIED

    _install(exits_with=1)

    assert windows.services[NAME].config == before
    assert windows.group == [r"CORP\sa$"]
    assert windows.sources == {NAME: r"%SystemRoot%\System32\EventCreate.exe"}


def test_installing_again_brings_it_up_to_date(windows: Windows) -> None:
    _install()
    (windows.root / NAME / "settings.toml").write_text("port = 1\n")
    windows.services[NAME].config = (0x10, 3, 1, "old.exe", None, 0, [], r"CORP\sa$", "old")

    _install()

    _, start, _, command, _, _, needs, account, _ = windows.services[NAME].config
    assert (start, needs, account) == (2, ["BFE"], ACCOUNT)
    assert command.endswith("service run")
    assert (windows.root / NAME / "settings.toml").read_text() == "port = 1\n"


def test_a_running_service_is_said_to_run_as_before(windows: Windows) -> None:
    assert "restart" not in _install()
    assert "restart" not in _service("start")

    assert "still running with the old configuration; restart it" in _install()
    assert "already running; restart it" in _service("start")
    assert windows.services[NAME].state == RUNNING


def test_settings_that_cannot_be_written_whole_are_not_left(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(path: Path, text: str, **_: str) -> int:
        path.write_bytes(text.encode()[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", half)
        said = _install(exits_with=1)

    assert "No space left on device" in said
    assert list(windows.root.iterdir()) == []
    _install()
    assert "log_format" in (windows.root / NAME / "settings.toml").read_text()


def test_what_this_windows_does_not_know_is_reported(windows: Windows) -> None:
    windows.failures["SERVICE_CONFIG_DELAYED_AUTO_START_INFO"] = 124

    assert "this version of Windows does not support: delayed start" in _install()


def test_a_folder_that_a_user_made_is_refused(windows: Windows) -> None:
    # Every user may create folders in ProgramData, and the creator keeps the right to open it.
    (windows.root / NAME).mkdir()
    (windows.root / NAME / "settings.toml").write_text("library = 'C:\\evil.dll'\n")
    windows.owner = "S-1-5-21-1-2-3-1001"

    assert "belongs to S-1-5-21-1-2-3-1001" in _install(exits_with=1)

    assert windows.services == {}
    assert windows.permissions == {}


@pytest.mark.parametrize(
    "program",
    [
        ["{user}/sa-contexts.exe"],
        ["{user}/Python/python.exe", "-I", "/shared/app/__main__.py"],
        ["/shared/Python/python.exe", "-I", "{user}/venv/app/__main__.py"],
    ],
)
def test_a_program_that_a_user_may_change_is_refused(
    windows: Windows, monkeypatch: pytest.MonkeyPatch, program: list[str]
) -> None:
    words = [word.format(user=Path.home()) for word in program]
    monkeypatch.setattr("app.cli.service.program", lambda: words)

    assert "is in a user's folder" in _service("install", exits_with=1)

    assert windows.services == {}


@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("QueryServiceConfig", "status"),
        ("QueryServiceStatusEx", "status"),
        ("QueryServiceStatusEx", "start"),
        ("QueryServiceStatusEx", "stop"),
    ],
)
def test_a_query_that_fails_is_one_sentence(windows: Windows, function: str, command: str) -> None:
    _install()
    windows.failures[function] = ACCESS_DENIED

    said = _service(command, exits_with=1)

    assert "sa-contexts: cannot query the service" in said
    assert f"error of {function}" in said


def test_the_exit_code_of_status_says_the_state(windows: Windows) -> None:
    assert "there is no service" in _service("status", exits_with=4)
    _install()
    assert "state: stopped\n" in _service("status", exits_with=3)
    _service("start")
    said = _service("status")
    assert "state: running\n" in said
    assert "process id: 4711\n" in said
    assert f"account: {ACCOUNT}\n" in said
    assert "start type: automatic\n" in said
    _service("stop")
    _service("stop")
    assert windows.services[NAME].state != RUNNING


def test_a_service_that_ends_at_once_is_reported(windows: Windows) -> None:
    _install()
    windows.starts = False

    said = _service("start", exits_with=1)

    assert "exit code 1066 and its own 1" in said
    assert "Event Log" in said


def test_starting_twice_is_no_failure(windows: Windows) -> None:
    _install()

    _service("start")
    _service("start")

    assert windows.services[NAME].state == RUNNING


def test_a_service_that_is_stopping_is_waited_for(windows: Windows) -> None:
    _install()
    _service("start")
    windows.services[NAME].state = STOP_PENDING

    _service("stop")

    assert windows.services[NAME].state == STOPPED


def test_a_service_whose_account_was_deleted_can_be_removed(windows: Windows) -> None:
    _install("--account", r"CORP\sa$")
    windows.deleted_accounts.add(r"CORP\sa$")

    _service("remove")

    assert windows.services == {}


@pytest.mark.parametrize("fails", [False, True])
def test_a_previous_account_leaves_the_group_unless_the_change_fails(
    windows: Windows, fails: bool
) -> None:
    _install("--account", r"CORP\sa$")
    if fails:
        windows.failures["SetNamedSecurityInfo"] = ACCESS_DENIED

    said = _install(exits_with=int(fails))

    assert windows.group == ([r"CORP\sa$"] if fails else [ACCOUNT])
    assert r"CORP\sa$, its previous account, is no longer in that group" in said


def test_purging_a_folder_that_is_gone_is_no_failure(windows: Windows) -> None:
    _install()
    shutil.rmtree(windows.root / NAME)

    assert "is deleted" in _service("remove", "--purge")

    assert windows.services == {}


@pytest.mark.parametrize("purge", [False, True])
def test_removing_leaves_nothing_but_what_may_be_needed(windows: Windows, purge: bool) -> None:
    _install()
    _service("start")

    _service("remove", *["--purge"] * purge)

    assert windows.services == {}
    assert windows.group == []
    assert windows.sources == {}
    assert (windows.root / NAME / "settings.toml").exists() is not purge


@pytest.mark.parametrize("command", ["start", "stop", "remove"])
def test_there_must_be_a_service(windows: Windows, command: str) -> None:
    assert "there is no service sa-contexts" in _service(command, exits_with=1)
    assert windows.services == {}


@pytest.mark.parametrize("command", ["install", "start", "stop", "status", "remove", "run"])
def test_it_takes_windows(command: str) -> None:
    said = _service(command, exits_with=1)

    assert said == "sa-contexts: there are no Windows services on this system\n"

"""The server's files are checked: who may change them, and whether any key is usable."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from app.cli.main import app
from app.doctor.checks import state
from app.doctor.context import DoctorContext, read_settings
from app.schemas.doctor import Outcome
from tests.doctor.run import examine_here


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def add_key(keys: Path, *options: str) -> None:
    arguments = ["keys", "add", "grafana-of-acme", "--scope", "metrics:read", *options]
    result = CliRunner().invoke(app, arguments, env={"SA_CONTEXTS_API_KEYS_FILE": str(keys)})
    assert result.exit_code == 0, result.output


def test_keys_that_are_taken_are_counted(keys: Path) -> None:
    add_key(keys)
    run = examine_here("--mask", api_keys_file=str(keys))

    assert (run.code, run.finding("keys").facts) == (0, {"keys": 1, "taken": 1})
    assert "acme" not in run.output
    assert run.finding("exposure").facts["asksForCredentials"] is True


def test_nobody_gets_in_without_a_key_that_is_taken(keys: Path) -> None:
    add_key(keys, "--expires", "1d")
    subject = DoctorContext({"api_keys_file": keys})
    assert state.keys(subject).outcome is Outcome.OK

    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        assert state.keys(subject).outcome is Outcome.WARNING


def test_keys_out_of_reach_are_reported(keys: Path) -> None:
    run = examine_here(api_keys_file=str(keys))

    assert (run.code, run.failures) == (1, {"keys"})


@pytest.mark.skipif(os.name == "nt", reason="Windows has rights, and no modes")
@pytest.mark.parametrize("right", [stat.S_IRGRP, stat.S_IROTH, stat.S_IWOTH])
def test_keys_that_are_open_to_others_are_reported(keys: Path, right: int) -> None:
    add_key(keys)
    assert state.keys(DoctorContext({"api_keys_file": keys})).outcome is Outcome.OK
    keys.chmod(0o600 | right)

    finding = state.keys(DoctorContext({"api_keys_file": keys}))

    assert finding.outcome is Outcome.WARNING
    assert finding.remedy
    assert finding.remedy.startswith(f"`chmod 600 {keys}`, unless the server's account")
    assert finding.facts == {"keys": 1, "taken": 1}


@pytest.mark.skipif(os.name == "nt", reason="Windows has rights, and no modes")
def test_a_link_through_a_folder_of_others_is_reported(keys: Path, tmp_path: Path) -> None:
    add_key(keys)
    link = tmp_path / "shared" / "keys.json"
    link.parent.mkdir()
    link.symlink_to(keys)
    assert state.keys(DoctorContext({"api_keys_file": link})).outcome is Outcome.OK
    link.parent.chmod(0o1777)

    finding = state.keys(DoctorContext({"api_keys_file": link}))

    assert finding.outcome is Outcome.WARNING
    assert f"others may write {link.parent}" in finding.sentence


def test_keys_out_of_reach_show_when_a_server_rejects_them(keys: Path) -> None:
    finding = state.keys(DoctorContext({"api_keys_file": keys, "api_keys_grace_seconds": 7}))

    assert finding.outcome is Outcome.FAILURE
    assert "rejects all keys 7 s after" in finding.sentence


@pytest.mark.skipif(os.name == "nt", reason="Windows has rights, and no modes")
def test_a_folder_that_others_may_change_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "sa-contexts"
    subject = DoctorContext({})
    assert state.state_folder(subject).outcome is Outcome.NOT_APPLICABLE
    folder.mkdir(mode=0o700)
    assert state.state_folder(subject).outcome is Outcome.OK
    folder.chmod(0o700 | stat.S_IWOTH)

    assert state.state_folder(subject).outcome is Outcome.WARNING


@pytest.mark.parametrize(
    ("text", "name"), [("port = [", "settings"), ("prot = 8081", "prot"), ("port = -1", "port")]
)
def test_a_file_of_settings_that_is_not_valid_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"{text}\n", encoding="utf-8")
    monkeypatch.setenv("SA_CONTEXTS_SETTINGS", str(file))
    monkeypatch.setenv("SA_CONTEXTS_REFRESH_RETRY_SECONDS", "7")

    settings, invalid = read_settings({"host": "127.0.0.9"})

    assert list(invalid) == [name]
    assert (settings.host, settings.port, settings.refresh_retry_seconds) == ("127.0.0.9", 8080, 7)

"""Where a server's call notes are, who may use them, and how an operator clears them."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.settings.model import Settings
from app.settings.paths import state_folder
from app.telemetry import call_notes as module
from app.telemetry.call_notes import call_notes, call_notes_file
from bindings.call_notes import CallNotes


@pytest.fixture(autouse=True)
def notes(monkeypatch: pytest.MonkeyPatch) -> CallNotes:
    """The notes of this process, until the test ends."""
    own = CallNotes()
    monkeypatch.setattr(module, "NOTES", own)
    return own


@pytest.mark.parametrize(
    ("settings", "file"),
    [
        ({"port": 0}, None),
        ({"port": 0, "log_file": Path("/var/log/sa.log")}, Path("/var/log/sa.log.calls")),
        ({"port": 0, "call_notes_file": Path("/run/sa")}, Path("/run/sa")),
        (
            {"log_file": Path("/var/log/sa.log"), "call_notes_file": Path("/run/sa")},
            Path("/run/sa"),
        ),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="absolute paths differ")
def test_notes_are_beside_the_log_unless_they_are_configured(
    settings: dict[str, Any], file: Path | None
) -> None:
    assert call_notes_file(Settings(**settings)) == file


@pytest.mark.skipif(os.name == "nt", reason="Windows has another folder for each user")
def test_servers_without_a_log_file_have_notes_by_address_and_port() -> None:
    servers: list[dict[str, Any]] = [
        {"host": "127.0.0.1", "port": 8080},
        {"host": "127.0.0.1", "port": 8081},
        {"host": "::1", "port": 8080},
    ]
    files = {call_notes_file(Settings(**server)) for server in servers}

    assert files == {
        state_folder() / name
        for name in ("127.0.0.1-8080.calls", "127.0.0.1-8081.calls", "..1-8080.calls")
    }


def test_file_in_use_is_left_to_the_server_that_uses_it(
    tmp_path: Path, notes: CallNotes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "logs" / "server.calls"
    with call_notes(file, None), notes.reading("ike-sas"):
        content = file.read_bytes()
        with caplog.at_level(logging.WARNING), call_notes(file, None):
            assert file.read_bytes() == content

    assert "call_notes_unavailable" in caplog.text
    assert CallNotes().open(file) == []


def test_server_runs_without_notes_if_they_cannot_be_written(
    tmp_path: Path, notes: CallNotes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").write_text("not a folder", encoding="ascii")

    with (
        caplog.at_level(logging.WARNING),
        call_notes(tmp_path / "folder" / "calls", None),
        notes.reading("ike-sas"),
    ):
        pass

    assert "call_notes_unavailable" in caplog.text


def test_retry_without_notes_fails_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_LOG_FILE", str(Path.cwd().resolve() / "absent" / "server.log"))

    result = CliRunner().invoke(app, ["retry"])

    assert result.exit_code == 1
    assert result.stderr == (
        "sa-contexts: no server with these settings has noted its reads of the engine on this "
        "host\n"
    )


def test_retry_of_what_is_readable_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.calls"
    CallNotes().open(file)
    content = file.read_bytes()
    monkeypatch.setenv("SA_CONTEXTS_CALL_NOTES_FILE", str(file))

    result = CliRunner().invoke(app, ["retry"])

    assert (result.exit_code, result.stdout) == (0, "All were readable.\n")
    assert file.read_bytes() == content

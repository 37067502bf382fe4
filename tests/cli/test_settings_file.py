"""The settings file, and the messages about a wrong one."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.settings.file import VARIABLE, SettingsFileError
from app.settings.model import Settings


NO_OPTIONS: dict[str, Any] = {}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_each_kind_of_setting_is_read(file: Path) -> None:
    file.write_text(
        'host = "::1"\n'
        "port = 0\n"
        "refresh_interval_seconds = 0.5\n"
        'expected_peers = ["192.0.2.1", "2001:db8::1"]\n'
        'oidc_algorithms = "ES256, PS256"\n'
        f"library = '{file}'\n"
        "allow_library_in_service = true\n"
    )

    settings = Settings(**NO_OPTIONS)

    assert (settings.host, settings.port, settings.refresh_interval_seconds) == ("::1", 0, 0.5)
    assert [str(peer) for peer in settings.expected_peers or ()] == ["192.0.2.1", "2001:db8::1"]
    assert settings.oidc_algorithms == ("ES256", "PS256")
    assert settings.library == file
    assert settings.allow_library_in_service
    assert settings.engine_page_size == 100  # as ever


def test_the_environment_wins_and_options_win_over_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("port = 1\nmax_streams = 1\nengine_page_size = 1\n")
    monkeypatch.setenv("SA_CONTEXTS_PORT", "2")
    monkeypatch.setenv("SA_CONTEXTS_MAX_STREAMS", "2")

    options: dict[str, Any] = {"port": 3}
    settings = Settings(**options)

    assert (settings.port, settings.max_streams, settings.engine_page_size) == (3, 2, 1)


def test_a_file_of_a_windows_editor_is_read(file: Path) -> None:
    file.write_bytes("\ufeff# für Köln\r\nport = 1\r\n".encode())

    assert Settings(**NO_OPTIONS).port == 1


@pytest.mark.parametrize(
    ("text", "key"), [("prot = 1", "prot"), ("port = 70000", "port"), ("[port]\na = 1", "port")]
)
def test_a_wrong_setting_is_reported_with_the_file(file: Path, text: str, key: str) -> None:
    file.write_text(text)

    result = CliRunner().invoke(app, ["serve"])

    assert result.exit_code == 1
    assert result.output.startswith(f"sa-contexts: the setting {key} is not valid: ")
    assert str(file) in result.output
    assert result.output.count("\n") == 1


def test_a_file_that_is_not_toml_is_reported(file: Path) -> None:
    file.write_text("port: 1")

    result = CliRunner().invoke(app, ["serve"])

    assert result.exit_code == 1
    assert result.output.startswith(f"sa-contexts: the settings {file} are not TOML: ")
    assert result.output.count("\n") == 1


def test_settings_nested_too_deep_are_not_toml(file: Path) -> None:
    file.write_text("allowed_hosts = " + "[" * 5000)
    result = CliRunner().invoke(app, ["list"])

    assert result.exit_code == 1
    assert result.output.startswith(f"sa-contexts: the settings {file} are not TOML: ")


def test_a_file_that_is_named_must_be_there(file: Path) -> None:
    with pytest.raises(SettingsFileError, match="cannot read the settings"):
        Settings(**NO_OPTIONS)
    assert not file.exists()


def test_an_option_names_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = file.with_name("other.toml")
    other.write_text("port = -1")
    monkeypatch.setenv(VARIABLE, "to be put back after this test")

    result = CliRunner().invoke(app, ["--settings", str(other), "serve"])

    assert result.exit_code == 1
    assert str(other) in result.output


def test_windows_has_a_usual_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("ProgramData", str(file.parent))
    usual = file.parent / "sa-contexts" / "settings.toml"
    usual.parent.mkdir()
    usual.write_text("port = 1")
    assert Settings(**NO_OPTIONS).port == 8080

    monkeypatch.setattr(sys, "platform", "win32")

    assert Settings(**NO_OPTIONS).port == 1
    usual.unlink()
    assert Settings(**NO_OPTIONS).port == 8080


@pytest.mark.parametrize("document", ["settings.md", "service.md"])
def test_the_examples_of_the_documents_have_the_settings_names(document: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / document).read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)

    assert set(tomllib.loads(example)) <= set(Settings.model_fields)

"""`sa-contexts hub`: tokens, and a hub that cannot start."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import app
from app.hub.credentials import secret_hash
from app.hub.sqlite.store import SqliteStore


def hub(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["hub", *arguments], env={"COLUMNS": "120"})


def test_a_token_is_shown_once_and_stored_as_a_hash(tmp_path: Path) -> None:
    database = str(tmp_path / "hub.db")
    added = hub("tokens", "add", "office", "--expires", "1d", "--uses", "3", "--database", database)
    text = added.stdout.strip()

    assert added.exit_code == 0
    assert text.startswith("sat_")
    assert text.encode() not in (tmp_path / "hub.db").read_bytes()
    store = SqliteStore(tmp_path / "hub.db")
    (token,) = store.tokens()
    store.close()
    assert (token.name, token.uses_left) == ("office", 3)
    assert token.expires_at == pytest.approx(token.created_at + 86400)
    assert len(secret_hash(text)) == 32

    listed = hub("tokens", "list", "--database", database).stdout
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    assert all(each in listed for each in (token.id, tomorrow, "office", "3"))
    assert text not in listed


def test_a_token_without_limits_says_so(tmp_path: Path) -> None:
    database = str(tmp_path / "hub.db")
    hub("tokens", "add", "all", "--database", database)

    listed = hub("tokens", "list", "--database", database).stdout
    assert "never" in listed
    assert "any number" in listed


def test_a_token_is_removed_by_its_id(tmp_path: Path) -> None:
    database = str(tmp_path / "hub.db")
    token_id = hub("tokens", "add", "x", "--database", database).stdout.split("_")[1]

    assert hub("tokens", "remove", token_id, "--database", database).exit_code == 0
    again = hub("tokens", "remove", token_id, "--database", database)
    assert (again.exit_code, again.stderr) == (1, f"sa-contexts: there is no token {token_id}\n")


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_name_that_cannot_be_shown_is_rejected(tmp_path: Path, name: str) -> None:
    result = hub("tokens", "add", name, "--database", str(tmp_path / "hub.db"))

    assert result.exit_code == 2
    assert not (tmp_path / "hub.db").exists()


@pytest.mark.parametrize(
    "arguments", [("serve", "--port", "0"), ("tokens", "list"), ("tokens", "add", "x")]
)
def test_a_database_that_is_none_is_named(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(b"no database" * 1000)

    result = hub(*arguments, "--database", str(path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"sa-contexts: cannot use the database {path}: ")


def test_a_database_of_another_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = SqliteStore(path)
    store._sql.execute("PRAGMA user_version = 99")  # noqa: SLF001  # a later program's
    store.close()

    result = hub("tokens", "list", "--database", str(path))
    assert (result.exit_code, result.stderr) == (
        1,
        f"sa-contexts: the database {path} has version 99, not 1\n",
    )


def test_a_hub_does_not_listen_unprotected(tmp_path: Path) -> None:
    result = hub("serve", "--host", "0.0.0.0", "--database", str(tmp_path / "hub.db"))  # noqa: S104

    assert result.exit_code == 1
    assert "authentication (api_keys_file or oidc_issuer) and TLS" in result.stderr


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = hub("serve", "--port", port, "--database", str(tmp_path / "hub.db"))

    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


def test_other_commands_load_no_hub() -> None:
    loaded = "import sys, app.cli.main; print({'httpx2', 'sqlite3', 'app.hub'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert run.stdout == "set()\n"

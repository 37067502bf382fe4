"""Keys as an administrator makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli.main import app


def run_keys(*arguments: str, path: Path) -> str:
    """Run a command and return its standard output."""
    command, *rest = arguments
    result = CliRunner().invoke(app, ["keys", command, *rest, "--file", str(path)])
    assert result.exit_code == 0, result.output
    return result.stdout


def make_key(path: Path, *scopes: str, name: str = "monitor") -> str:
    """Create a key and return its text."""
    options = [option for scope in scopes for option in ("--scope", scope)]
    return run_keys("add", name, *options, path=path).strip()


def id_of(key: str) -> str:
    return key.split("_")[1]


def change(path: Path, key: str, **members: Any) -> None:
    """Change a key's record in the file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for entry in content["keys"]:
        if entry["id"] == id_of(key):
            entry.update(members)
    path.write_text(json.dumps(content), encoding="utf-8")


def look_at_keys(client: TestClient) -> None:
    """Make a server in this process reload its keys at once."""
    client.app.state.service.credentials.api_keys.reload_if_changed()  # type: ignore[attr-defined]  # FastAPI

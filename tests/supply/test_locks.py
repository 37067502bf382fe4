"""The locks are those of pyproject.toml, and nothing is installed past them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply.locks import (
    SERVER,
    Lock,
    disagreements,
    locks,
    pins_of,
    project,
    read,
    requirements_of,
)


ROOT = Path(__file__).parents[2]
LOCK = """\
anyio==4.16.0 \\
    --hash=sha256:59bb0325 \\
    --hash=sha256:c66ae634
    # via
    #   sa-contexts (pyproject.toml)
    #   httpx2
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:08695f5c
    # via typer
"""
INSTALLS = re.compile(r"\b(?:pip3?|uv pip)(?:\"|')? (?:install|wheel|download)\b|\bpip\" download")
BY_HASH = ("--require-hashes", "--no-index", "--no-deps")


@pytest.mark.parametrize("lock", locks(), ids=lambda lock: lock.path)
def test_a_lock_is_that_of_the_project(lock: Lock) -> None:
    assert list(disagreements(requirements_of(project(), lock), read(lock))) == []


def test_every_dependency_group_is_locked() -> None:
    groups = project()["dependency-groups"]
    locked = {group for lock in locks() for group in lock.groups}
    included = {each["include-group"] for each in groups["dev"]}

    assert locked | included == set(groups)


def test_every_lock_is_made_by_make() -> None:
    made = {lock.path for lock in locks()}
    kept = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("requirements*.lock")
        if not any(part.startswith((".", "build")) for part in path.relative_to(ROOT).parts)
    }

    assert made == kept
    assert SERVER in locks()
    assert "$(BIN)/uv" not in (ROOT / "Makefile").read_text(encoding="utf-8")  # that of no lock


def test_what_a_lock_says() -> None:
    anyio, colorama = pins_of(LOCK)

    assert (anyio.name, anyio.version, anyio.marker) == ("anyio", "4.16.0", "")
    assert anyio.hashes == ["59bb0325", "c66ae634"]
    assert anyio.is_asked_by_project
    assert anyio.asked_by == ["httpx2"]
    assert colorama.marker == "sys_platform == 'win32'"
    assert not colorama.is_asked_by_project


@pytest.mark.parametrize(
    ("asked", "lock", "expected"),
    [
        (["anyio>=4", "rich>=15"], LOCK, "rich is not locked"),
        (["anyio>=4", "colorama"], LOCK, "colorama is locked for others only"),
        (["anyio>=5"], LOCK, "anyio>=5 is locked as 4.16.0"),
        ([], LOCK, "anyio is locked, and no longer asked for"),
        (["anyio"], re.sub(r" +--hash=sha256:0869.*\n", "", LOCK), "colorama has no hash"),
    ],
)
def test_a_lock_of_another_project_is_reported(asked: list[str], lock: str, expected: str) -> None:
    requirements = [Requirement(each) for each in asked]

    assert list(disagreements(requirements, pins_of(lock))) == [expected]


def test_what_is_no_lock_is_refused() -> None:
    with pytest.raises(ValueError, match="no line of a lock"):
        pins_of("--index-url https://example.com/simple\n" + LOCK)


def test_the_server_is_tested_with_the_versions_that_it_ships_with() -> None:
    (development,) = (lock for lock in locks() if "dev" in lock.groups)
    tested = {pin.name: pin.version for pin in read(development)}

    assert {pin.name: tested.get(pin.name) for pin in read(SERVER)} == {
        pin.name: pin.version for pin in read(SERVER)
    }


@pytest.mark.parametrize(
    "script",
    [
        ".ci/run",
        "Dockerfile.windows",
        "Makefile",
        "sdk/tools",
        "tests/tls/run",
        "tests/windows/run",
    ],
)
def test_nothing_is_installed_but_by_hash(script: str) -> None:
    text = (ROOT / script).read_text(encoding="utf-8")
    commands = [
        line for line in re.sub(r"[\\`]\n", " ", text).splitlines() if INSTALLS.search(line)
    ]

    assert all(any(each in command for each in BY_HASH) for command in commands), commands
    assert "npm install" not in re.sub(r"npm install .*--package-lock-only", "", text)

"""Whether the locks are those of `pyproject.toml`, without asking an index.

uv writes under each pin what asked for it (`# via`), so that a lock says which requirements
of the project it was made from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


ROOT: Final = Path(__file__).parents[1]
PIN: Final = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.*?))? \\")
VIA: Final = re.compile(r" +# +(?:via )?(?P<name>\S.*)")
PROJECT: Final = re.compile(r"sa-contexts \(pyproject\.toml(?::[\w-]+)?\)")


@dataclass(frozen=True, slots=True)
class Lock:
    """A file of pins, and what of the project it is made from.

    Attributes:
        path: where it is, from the root of the project.
        groups: the dependency groups that it holds.
        extras: the extras that it holds.
        has_dependencies: whether it holds what the server itself depends on.
    """

    path: str
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    has_dependencies: bool = False


SERVER: Final = Lock("requirements-server.lock", has_dependencies=True)
"""What the server ships with."""


@dataclass(slots=True)
class Pin:
    """One version of one package.

    Attributes:
        name: as PyPI compares names (PEP 503).
        version: the one version.
        marker: where it is installed (PEP 508); empty where it is everywhere.
        hashes: of its files, SHA-256.
        asked_by: the names of the packages that ask for it.
        is_asked_by_project: whether the project itself asks for it.
    """

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    is_asked_by_project: bool = False


def pins_of(text: str) -> list[Pin]:
    """Return the pins of a lock, in its order."""
    pins: list[Pin] = []
    for line in text.splitlines():
        if found := PIN.fullmatch(line):
            pins.append(
                Pin(canonicalize_name(found["name"]), found["version"], found["marker"] or "")
            )
        elif line.startswith("    --hash=sha256:"):
            pins[-1].hashes.append(line.removeprefix("    --hash=sha256:").removesuffix(" \\"))
        elif (via := VIA.fullmatch(line)) and via["name"] != "via":
            if PROJECT.fullmatch(via["name"]):
                pins[-1].is_asked_by_project = True
            elif not via["name"].startswith("-"):
                pins[-1].asked_by.append(via["name"])
        elif line.strip() and via is None:
            raise ValueError(f"no line of a lock: {line}")
    return pins


def requirements_of(project: dict[str, Any], lock: Lock) -> list[Requirement]:
    """Return what a `pyproject.toml` asks of a lock."""
    asked = list(project["project"]["dependencies"]) if lock.has_dependencies else []
    for extra in lock.extras:
        asked += project["project"]["optional-dependencies"][extra]
    for group in lock.groups:
        asked += _group(project["dependency-groups"], group)
    return [Requirement(each) for each in asked]


def disagreements(asked: list[Requirement], pins: list[Pin]) -> Iterator[str]:
    """Return what is wrong with a lock; nothing if it fits the requirements."""
    pinned = {pin.name: pin for pin in pins}
    names = {canonicalize_name(each.name) for each in asked}
    for each in asked:
        pin = pinned.get(canonicalize_name(each.name))
        if pin is None:
            yield f"{each.name} is not locked"
        elif not pin.is_asked_by_project:
            yield f"{each.name} is locked for others only"
        elif not each.specifier.contains(pin.version, prereleases=True):
            yield f"{each} is locked as {pin.version}"
    for pin in pins:
        if pin.is_asked_by_project and pin.name not in names:
            yield f"{pin.name} is locked, and no longer asked for"
        if not pin.hashes:
            yield f"{pin.name} has no hash"


def locks() -> list[Lock]:
    """All that `make lock` writes of Python's."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [each.split() for each in re.findall(r"uv pip compile (.*)", makefile)]

    def given(command: list[str], option: str) -> tuple[str, ...]:
        return tuple(word for before, word in pairwise(command) if before == option)

    return [
        Lock(
            path=given(command, "-o")[0],
            groups=given(command, "--group"),
            extras=given(command, "--extra"),
            has_dependencies="pyproject.toml" in command,
        )
        for command in commands
    ]


def read(lock: Lock) -> list[Pin]:
    """Return the pins of a lock of this project."""
    return pins_of((ROOT / lock.path).read_text(encoding="utf-8"))


def project() -> dict[str, Any]:
    """`pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """Return a dependency group, with those that it includes (PEP 735)."""
    asked: list[str] = []
    for each in groups[name]:
        asked += _group(groups, each["include-group"]) if isinstance(each, dict) else [each]
    return asked

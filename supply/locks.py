"""Check that the locks match `pyproject.toml`, without access to an index.

Below each pin, uv writes which packages require it (`# via`). If the project itself is one of them,
the pin belongs to a requirement of `pyproject.toml`.
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
    """A file of pins, and the parts of `pyproject.toml` from which it is made.

    Attributes:
        path: its path, relative to the root of the project.
        groups: the dependency groups that it covers.
        extras: the extras that it covers.
        has_dependencies: whether it covers the server's own dependencies.
    """

    path: str
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    has_dependencies: bool = False


SERVER: Final = Lock("requirements-server.lock", has_dependencies=True)
"""The lock of the packages that are shipped with the server."""


@dataclass(slots=True)
class Pin:
    """One version of one package.

    Attributes:
        name: its normalized name (PEP 503).
        version: the locked version.
        marker: the environments in which it is installed (PEP 508); empty if it is installed in
            all.
        hashes: the SHA-256 hashes of its files, in hexadecimal.
        asked_by: the names of the packages that require it.
        is_asked_by_project: whether the project itself requires it.
    """

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    is_asked_by_project: bool = False


def pins_of(text: str) -> list[Pin]:
    """Return the pins of a lock, in the lock's order."""
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
    """Return the requirements of a parsed `pyproject.toml` that a lock covers."""
    asked = list(project["project"]["dependencies"]) if lock.has_dependencies else []
    for extra in lock.extras:
        asked += project["project"]["optional-dependencies"][extra]
    for group in lock.groups:
        asked += _group(project["dependency-groups"], group)
    return [Requirement(each) for each in asked]


def disagreements(asked: list[Requirement], pins: list[Pin]) -> Iterator[str]:
    """Yield a description of each error of a lock."""
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
    """Return all locks of Python packages that `make lock` writes."""
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
    """Return the parsed `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """Return the requirements of a dependency group and of the groups it includes (PEP 735)."""
    asked: list[str] = []
    for each in groups[name]:
        asked += _group(groups, each["include-group"]) if isinstance(each, dict) else [each]
    return asked

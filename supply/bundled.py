"""The npm packages in the console's bundle, which is shipped with the server.

They are those that `console/package-lock.json` does not mark as development dependencies.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from supply.locks import ROOT


LOCK: Final = ROOT / "console" / "package-lock.json"
ALGORITHMS: Final = {"sha512": "SHA-512"}
"""CycloneDX's names of npm's hash algorithms (Subresource Integrity)."""


@dataclass(frozen=True, slots=True)
class Package:
    """One locked package.

    Attributes:
        name: its name, with its scope.
        version: the locked version.
        licence: the licence that it declares.
        integrity: the hash of its archive, as npm writes it.
        requires: the names of the packages that it requires, and as peers.
        is_asked_by_console: whether the console itself requires it.
    """

    name: str
    version: str
    licence: str
    integrity: str
    requires: tuple[str, ...]
    is_asked_by_console: bool

    @property
    def purl(self) -> str:
        """The package URL."""
        return f"pkg:npm/{quote(self.name)}@{self.version}"


def packages_of(lock: Mapping[str, Any]) -> list[Package]:
    """Return the bundled packages of a parsed lock of npm, in order of their names."""
    entries = lock["packages"]
    asked = entries[""]["dependencies"]
    found = {
        path.removeprefix("node_modules/"): entry
        for path, entry in entries.items()
        if path and not entry.get("dev")
    }
    return [
        Package(
            name=name,
            version=entry["version"],
            licence=entry["license"],
            integrity=entry["integrity"],
            requires=tuple(
                sorted(
                    found.keys()
                    & {*entry.get("dependencies", ()), *entry.get("peerDependencies", ())}
                )
            ),
            is_asked_by_console=name in asked,
        )
        for name, entry in sorted(found.items())
    ]


def packages() -> list[Package]:
    """Return the packages in the console's bundle."""
    return packages_of(json.loads(LOCK.read_text(encoding="utf-8")))


def component_of(package: Package) -> dict[str, Any]:
    """Return a package as a component of a CycloneDX document."""
    algorithm, _, digest = package.integrity.partition("-")
    return {
        "bom-ref": package.purl,
        "hashes": [{"alg": ALGORITHMS[algorithm], "content": b64decode(digest).hex()}],
        "licenses": [{"expression": package.licence}],
        "name": package.name,
        "purl": package.purl,
        "type": "library",
        "version": package.version,
    }

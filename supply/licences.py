"""The licences of the server's dependencies, and whether the dependencies may be shipped.

`make licences` lists them, with those of the console's libraries.
"""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from supply.bundled import Package, packages
from supply.locks import ROOT, SERVER, Pin, read


ALLOWED: Final = {
    "Apache-2.0",
    "Apache-2.0 AND BSD-2-Clause",
    "Apache-2.0 OR BSD-3-Clause",
    "Apache-2.0 OR MIT",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC License (ISCL)",
    "MIT",
    "MIT License",
    "MIT OR Apache-2.0",
    "MIT-0",
    "MPL-2.0 AND (Apache-2.0 OR MIT)",  # orjson: unchanged, so nothing of ours falls under the MPL
    "PSF-2.0",
    "Python Software Foundation License",
}
"""Licences that a person has read and found compatible with an MIT-licensed program.

These are whole expressions, as packages declare them, so a person must read each new expression.
"""

FOR_WINDOWS: Final = ROOT / "build" / "supply" / "windows"
"""The folder into which `make` installs the server's Windows dependencies, to read metadata."""

WINDOWS: Final = {
    "implementation_name": "cpython",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_system": "Windows",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "win32",
}
"""The server's platform, as the variables of environment markers (PEP 508)."""


def licence_of(distribution: Distribution) -> str:
    """Return the licence that a package declares, in the newest form that it uses, or "".

    That is `License-Expression` (PEP 639), else the classifiers, else the first line of `License`.
    """

    def stated(field: str) -> list[str]:
        return distribution.metadata.get_all(field) or []

    classifiers = [
        each.removeprefix("License :: OSI Approved :: ")
        for each in stated("Classifier")
        if each.startswith("License :: OSI Approved :: ")
    ]
    licences = stated("License-Expression") or classifiers or stated("License")
    return " AND ".join(sorted(each.partition("\n")[0] for each in licences))


def licences_in(folder: Path) -> dict[str, str]:
    """Return the licences of the packages that are installed in a folder, by package name."""
    return {
        canonicalize_name(each.name): licence_of(each) for each in distributions(path=[str(folder)])
    }


def rejections(pins: list[Pin], licences: dict[str, str]) -> list[str]:
    """Return the reasons why locked packages must not be shipped, if there are any."""
    stated = []
    for pin in pins:
        if pin.marker and not Marker(pin.marker).evaluate(WINDOWS):
            continue
        if pin.name not in licences:
            stated.append(f"{pin.name} is not installed here, so its licence is not known")
        elif licences[pin.name] not in ALLOWED:
            stated.append(f"{pin.name} stands under {licences[pin.name]!r}, which nobody has read")
    return stated


def bundle_rejections(bundled: list[Package]) -> list[str]:
    """Return the reasons why the console's libraries must not be shipped, if there are any."""
    return [
        f"{each.name} stands under {each.licence!r}, which nobody has read"
        for each in bundled
        if each.licence not in ALLOWED
    ]


def main() -> int:
    """Print the licences and the rejections; return 1 if there are rejections, else 0."""
    pins, licences, bundled = read(SERVER), licences_in(FOR_WINDOWS), packages()
    for pin in pins:
        if pin.name in licences:
            print(f"{pin.name} {pin.version}: {licences[pin.name]}")
    for package in bundled:
        print(f"{package.name} {package.version}: {package.licence}")
    rejected = rejections(pins, licences) + bundle_rejections(bundled)
    for each in rejected:
        print(f"REFUSED: {each}")
    return 1 if rejected else 0


if __name__ == "__main__":
    sys.exit(main())

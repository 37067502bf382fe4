"""Checks of the program: its bitness, packages, settings and clock."""

from __future__ import annotations

import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts, failure, ok, warning
from bindings.errors import LibraryError
from bindings.library import find_library
from bindings.machine import Machine, machine_of, pointer_bits


NEEDED_BITS: Final = 64
MIN_TIME: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""This program was written later, so a clock that shows an earlier time is wrong."""

_NAME: Final = re.compile(r"[\w.-]+")


def bitness(context: DoctorContext) -> CheckResult:
    """Check that the process and the library are 64-bit, as the struct declarations require."""
    bits = pointer_bits()
    library, machine = _library_machine(context)
    facts: Facts = {
        "processBits": bits,
        "systemMachine": platform.machine(),
        "libraryMachine": machine.name if machine else None,
        "libraryBits": machine.bits if machine else None,
    }
    if bits != NEEDED_BITS:
        return failure(
            f"This is a {bits}-bit Python. Windows redirects it to the 32-bit libraries "
            "(SysWOW64), whose structs have another layout.",
            "Install a 64-bit Python, and sa-contexts in it.",
            facts,
        )
    if machine is not None and machine.bits != bits:
        return failure(
            f"The library {library} is {machine.bits}-bit ({machine.name}), but this is a "
            f"{bits}-bit program.",
            "Set SA_CONTEXTS_LIBRARY to a 64-bit library, or unset it; 64-bit Windows keeps its "
            "64-bit library in System32, not in SysWOW64.",
            facts,
        )
    return ok(f"This is a {bits}-bit program.", facts=facts)


def _library_machine(context: DoctorContext) -> tuple[Path | None, Machine | None]:
    try:
        path = find_library(context.settings.engine, context.settings.library)
        return path, machine_of(path)
    except (LibraryError, OSError):  # the check `library` reports it
        return None, None


def packages(_context: DoctorContext) -> CheckResult:
    """Check that all required packages are installed, and report their versions."""
    found: dict[str, str | None] = {}
    for requirement in ("sa-contexts", *_requirements()):
        try:
            found[requirement] = version(requirement)
        except PackageNotFoundError:
            found[requirement] = None
    facts: Facts = {"python": platform.python_version(), "packages": dict(found)}
    missing = sorted(name for name, number in found.items() if number is None)
    if missing and not getattr(sys, "frozen", False):
        return warning(
            f"These packages are not installed: {', '.join(missing)}.",
            "Reinstall sa-contexts, in an environment of its own.",
            facts,
        )
    return ok(
        f"sa-contexts {found['sa-contexts']} runs in Python {platform.python_version()}.",
        facts=facts,
    )


def _requirements() -> list[str]:
    """Return the names of the packages that sa-contexts always requires."""
    try:
        declared = requires("sa-contexts") or []
    except PackageNotFoundError:
        return []
    return sorted(
        found[0].lower().replace("_", "-")
        for requirement in declared
        if ";" not in requirement and (found := _NAME.match(requirement))
    )


def settings(context: DoctorContext) -> CheckResult:
    """Check that all settings are valid, and that the environment has no unknown ones."""
    facts: Facts = {"invalid": dict(context.invalid), "unknown": list(context.unknown)}
    if context.invalid:
        name, reason = next(iter(context.invalid.items()))
        more = len(context.invalid) - 1
        return failure(
            f"The setting {name} is not valid: {reason.rstrip('.')}"
            + (f"; {more} more are invalid." if more else "."),
            "Correct it; docs/settings.md lists all settings. The other checks use the setting's "
            "default.",
            facts,
        )
    if context.unknown:
        return warning(
            f"Unknown settings: {', '.join(context.unknown)}.",
            "Check the spelling; docs/settings.md lists all settings.",
            facts,
        )
    return ok("The settings are valid.", facts=facts)


def clock(_context: DoctorContext) -> CheckResult:
    """Check that the clock is plausible."""
    now = datetime.now(UTC)
    facts: Facts = {"now": now.isoformat(timespec="seconds").replace("+00:00", "Z")}
    if now < MIN_TIME:
        return failure(
            f"The system clock shows {now:%Y-%m-%d}, which is before this program was written: "
            "certificates and tokens will not be valid.",
            "Set the clock: `w32tm /resync` on Windows.",
            facts,
        )
    return ok("The system clock looks plausible.", facts=facts)

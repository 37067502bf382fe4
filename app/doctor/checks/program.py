"""Checks of the program itself: its width, what it is made of, its settings, its clock."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from bindings.errors import LibraryError
from bindings.library import find_library
from bindings.machine import Machine, machine_of, pointer_bits


NEEDED_BITS: Final = 64
WRITTEN: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock was right that shows an earlier time: this was written later."""

_NAME: Final = "abcdefghijklmnopqrstuvwxyz0123456789-_."


def bitness(subject: DoctorContext) -> CheckResult:
    """Whether the process and the library have the width that the structs are declared in."""
    bits = pointer_bits()
    library, machine = _library_machine(subject)
    facts: Facts = {
        "processBits": bits,
        "systemMachine": platform.machine(),
        "libraryMachine": machine.name if machine else None,
        "libraryBits": machine.bits if machine else None,
    }
    if bits != NEEDED_BITS:
        return CheckResult(
            Outcome.FAILURE,
            f"This Python is a {bits}-bit program. Windows gives it other libraries (SysWOW64), "
            "whose memory has another layout.",
            "Install a 64-bit Python, and sa-contexts in it.",
            facts,
        )
    if machine is not None and machine.bits != bits:
        return CheckResult(
            Outcome.FAILURE,
            f"The library {library} is made for {machine.bits}-bit programs ({machine.name}), and "
            f"this is a {bits}-bit program.",
            "Name a 64-bit library in SA_CONTEXTS_LIBRARY, or none: on 64-bit Windows it is that "
            "of System32, not of SysWOW64.",
            facts,
        )
    return CheckResult(Outcome.OK, f"This is a {bits}-bit program.", facts=facts)


def _library_machine(subject: DoctorContext) -> tuple[Path | None, Machine | None]:
    try:
        path = find_library(subject.settings.engine, subject.settings.library)
        return path, machine_of(path)
    except (LibraryError, OSError):  # which `library` tells of
        return None, None


def packages(_subject: DoctorContext) -> CheckResult:
    """The versions of Python and of what sa-contexts is made of."""
    found: dict[str, str | None] = {}
    for requirement in ("sa-contexts", *_requirements()):
        try:
            found[requirement] = version(requirement)
        except PackageNotFoundError:
            found[requirement] = None
    facts: Facts = {"python": platform.python_version(), "packages": dict(found)}
    missing = sorted(name for name, number in found.items() if number is None)
    if missing and not getattr(sys, "frozen", False):
        return CheckResult(
            Outcome.WARNING,
            f"Not installed as packages: {', '.join(missing)}.",
            "Install sa-contexts anew, in an environment of its own.",
            facts,
        )
    return CheckResult(
        Outcome.OK,
        f"sa-contexts {found['sa-contexts']} runs in Python {platform.python_version()}.",
        facts=facts,
    )


def _requirements() -> list[str]:
    """What sa-contexts depends on, without its extras and without what is for other systems."""
    try:
        declared = requires("sa-contexts") or []
    except PackageNotFoundError:
        return []
    plain = (requirement for requirement in declared if ";" not in requirement)
    return sorted(
        requirement[: _end_of_name(requirement)].lower().replace("_", "-") for requirement in plain
    )


def _end_of_name(requirement: str) -> int:
    return next(
        (index for index, letter in enumerate(requirement.lower()) if letter not in _NAME),
        len(requirement),
    )


def settings(subject: DoctorContext) -> CheckResult:
    """Whether the settings are valid, and all variables that look like one are one."""
    facts: Facts = {"invalid": dict(subject.invalid), "unknown": list(subject.unknown)}
    if subject.invalid:
        name, reason = next(iter(subject.invalid.items()))
        more = len(subject.invalid) - 1
        return CheckResult(
            Outcome.FAILURE,
            f"The setting {name} is not valid: {reason.rstrip('.')}"
            + (f"; nor are {more} more." if more else "."),
            "Correct it; docs/settings.md has them all. What follows is found with its default.",
            facts,
        )
    if subject.unknown:
        return CheckResult(
            Outcome.WARNING,
            f"No setting is called {', '.join(subject.unknown)}.",
            "Look for a mistake in writing; docs/settings.md has them all.",
            facts,
        )
    return CheckResult(Outcome.OK, "The settings are valid.", facts=facts)


def clock(_subject: DoctorContext) -> CheckResult:
    """Whether the clock can be right."""
    now = datetime.now(UTC)
    facts: Facts = {"now": now.isoformat(timespec="seconds").replace("+00:00", "Z")}
    if now < WRITTEN:
        return CheckResult(
            Outcome.FAILURE,
            f"The clock shows {now:%Y-%m-%d}, which is before this program was written: "
            "certificates and tokens will not be valid.",
            "Set the clock: `w32tm /resync` on Windows.",
            facts,
        )
    return CheckResult(Outcome.OK, "The clock shows a time that can be.", facts=facts)

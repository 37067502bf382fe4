"""List the known vulnerabilities of the locked Python packages: `make audit`.

The source is PyPI's JSON API (docs.pypi.org/api/json), whose `vulnerabilities` are those of the
Python Packaging Advisory Database. pip-audit uses it, too, but requests only the pages of single
versions, which many mirrors lack: it then skips the package and still ends with "No known
vulnerabilities found". This program lists the packages that cannot be audited.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from supply.locks import Pin, locks, read
from supply.sbom import DOCUMENT, index_of


ACCEPTED: Final[dict[str, str]] = {}
"""Why each accepted vulnerability does not affect the server, by its id or an alias."""

IS_REQUIRED: Final = os.environ.get("SA_CONTEXTS_AUDIT") == "required"
"""Whether the audit fails if a package cannot be audited, as for a release."""

Ask = Callable[[str], dict[str, Any] | None]
"""Returns the index's JSON for `NAME` or `NAME/VERSION`; None if it has none."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A known vulnerability.

    Attributes:
        package: the name and version of the affected package.
        names: its id and its aliases.
        summary: a summary in one line.
        fixed_in: the first versions without it.
    """

    package: str
    names: tuple[str, ...]
    summary: str
    fixed_in: tuple[str, ...]

    @property
    def why_accepted(self) -> str | None:
        """Return why the vulnerability is accepted; None if it is not."""
        return next((ACCEPTED[name] for name in self.names if name in ACCEPTED), None)


def vulnerabilities(pin: Pin, ask: Ask) -> list[Vulnerability] | None:
    """Return the known vulnerabilities of a version; None if the index does not list them.

    A project's page, which mirrors also have, lists the vulnerabilities of its newest version.
    """
    release = ask(pin.name)
    if release is None or release["info"]["version"] != pin.version:
        release = ask(f"{pin.name}/{pin.version}")
    if release is None or "vulnerabilities" not in release:
        return None
    return [
        Vulnerability(
            f"{pin.name} {pin.version}",
            (each["id"], *each["aliases"]),
            " ".join((each.get("summary") or each["details"]).split())[:200],
            tuple(each["fixed_in"]),
        )
        for each in release["vulnerabilities"]
        if not each.get("withdrawn")
    ]


def audit(pins: Iterable[Pin], ask: Ask) -> tuple[list[Vulnerability], list[str]]:
    """Return the vulnerabilities of some packages, and the packages that cannot be audited."""
    known: list[Vulnerability] = []
    unknown: list[str] = []
    each_once = {(pin.name, pin.version): pin for pin in pins}
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda pin: vulnerabilities(pin, ask), each_once.values())
        for (name, version), answer in zip(each_once, answers, strict=True):
            if answer is None:
                unknown.append(f"{name} {version}")
            else:
                known += answer
    return known, unknown


def report(known: list[Vulnerability], unknown: list[str], *, is_required: bool) -> bool:
    """Print what was found; return whether the audit passes."""
    for each in known:
        why = each.why_accepted
        print(
            f"{'VULNERABLE' if why is None else 'accepted'}: {each.package}: "
            f"{', '.join(each.names)}: {each.summary}\n"
            f"    fixed in {', '.join(each.fixed_in) or 'no version'}" + (f"; {why}" if why else "")
        )
    if unknown:
        print(
            f"NOT AUDITED: this index says nothing of the vulnerabilities of {len(unknown)} "
            f"packages: {', '.join(unknown)}"
        )
    return all(each.why_accepted for each in known) and not (unknown and is_required)


def main() -> bool:
    """Audit all locked Python packages; return whether the audit passes."""
    pins = [pin for lock in locks() for pin in read(lock)]
    with httpx2.Client(timeout=60, follow_redirects=True) as client:
        index = index_of(json.loads(DOCUMENT.read_text(encoding="utf-8")))

        def ask(what: str) -> dict[str, Any] | None:
            try:
                response = client.get(f"{index}/pypi/{what}/json")
            except httpx2.TransportError:
                return None
            return response.json() if response.is_success else None

        known, unknown = audit(pins, ask)
    print(f"{len({(pin.name, pin.version) for pin in pins}) - len(unknown)} packages audited")
    return report(known, unknown, is_required=IS_REQUIRED)


if __name__ == "__main__":
    sys.exit(not main())

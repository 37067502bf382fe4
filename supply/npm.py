"""List the known vulnerabilities of the packages from npm: `make audit`.

The tools generate SDKs and build the console, and are never shipped. Therefore their audit fails
only on vulnerabilities that npm rates high or critical. The console's libraries are shipped: their
audit fails on any.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

from supply.audit import IS_REQUIRED
from supply.locks import ROOT


GRAVE: Final = ("high", "critical")
ALL: Final = ("info", "low", "moderate", *GRAVE)


def judge(report: dict[str, Any], *, is_required: bool, failing: Container[str] = GRAVE) -> bool:
    """Print what `npm audit --json` found; return whether the audit passes.

    Args:
        report: the parsed output.
        is_required: whether an audit that is not possible fails.
        failing: the severities that fail.
    """
    if "vulnerabilities" not in report:
        print(f"NOT AUDITED: this registry audits no npm packages: {report.get('message')}")
        return not is_required
    grave = False
    for name, found in report["vulnerabilities"].items():
        is_grave = found["severity"] in failing
        grave |= is_grave
        verdict = "VULNERABLE" if is_grave else "noted"
        print(f"{verdict}: {name} {found['range']} ({found['severity']})")
    if not report["vulnerabilities"]:
        print("npm's packages: no known vulnerability")
    return not grave


def audit(folder: Path, *options: str) -> dict[str, Any]:
    """Return what `npm audit --json` finds in the lock of a folder."""
    command = ["npm", "audit", "--package-lock-only", "--json", *options]
    try:
        report = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.PIPE).stdout
    except FileNotFoundError:
        return {"message": "npm is not installed"}
    found: dict[str, Any] = json.loads(report)
    return found


def main() -> bool:
    """Audit all locked npm packages; return whether the audit passes."""
    results = [
        judge(audit(ROOT / "sdk"), is_required=IS_REQUIRED),
        judge(audit(ROOT / "console"), is_required=IS_REQUIRED),
        judge(audit(ROOT / "console", "--omit=dev"), is_required=IS_REQUIRED, failing=ALL),
    ]
    return all(results)


if __name__ == "__main__":
    sys.exit(not main())

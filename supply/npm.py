"""List the known vulnerabilities of the tools from npm: `make audit`.

The tools generate SDKs and are never shipped. Therefore the audit fails only on vulnerabilities
that npm rates high or critical.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

from supply.audit import IS_REQUIRED
from supply.locks import ROOT


GRAVE: Final = ("high", "critical")


def judge(report: dict[str, Any], *, is_required: bool) -> bool:
    """Print what `npm audit --json` found; return whether the audit passes."""
    if "vulnerabilities" not in report:
        print(f"NOT AUDITED: this registry audits no npm packages: {report.get('message')}")
        return not is_required
    grave = False
    for name, found in report["vulnerabilities"].items():
        is_grave = found["severity"] in GRAVE
        grave |= is_grave
        verdict = "VULNERABLE" if is_grave else "noted"
        print(f"{verdict}: {name} {found['range']} ({found['severity']})")
    if not report["vulnerabilities"]:
        print("npm's packages: no known vulnerability")
    return not grave


def main() -> bool:
    """Audit all locked npm packages; return whether the audit passes."""
    try:
        report = subprocess.run(
            ["npm", "audit", "--package-lock-only", "--json"],  # noqa: S607  # wherever npm is installed
            cwd=ROOT / "sdk",
            check=False,
            stdout=subprocess.PIPE,
        ).stdout
    except FileNotFoundError:
        report = b'{"message": "npm is not installed"}'
    return judge(json.loads(report), is_required=IS_REQUIRED)


if __name__ == "__main__":
    sys.exit(not main())

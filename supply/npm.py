"""Which known vulnerabilities the tools have that come from npm: `make audit`.

They generate SDKs and are never shipped; so only what npm calls high or critical fails.
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
    """Say what `npm audit --json` found; whether that may pass."""
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
    """Audit what is locked for npm; whether that may pass."""
    try:
        report = subprocess.run(
            ["npm", "audit", "--package-lock-only", "--json"],  # noqa: S607  # wherever it is
            cwd=ROOT / "sdk",
            check=False,
            stdout=subprocess.PIPE,
        ).stdout
    except FileNotFoundError:
        report = b'{"message": "npm is not installed"}'
    return judge(json.loads(report), is_required=IS_REQUIRED)


if __name__ == "__main__":
    sys.exit(not main())

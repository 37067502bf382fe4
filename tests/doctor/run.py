"""Runs of `sa-contexts doctor` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.schemas.doctor import Finding, Outcome, Report
from tests.conftest import SIMULATOR_PATH


TARGET = Path(__file__).with_name("target.py")
ROOT = TARGET.parents[2]
SECONDS = 60


@dataclass(frozen=True)
class Run:
    """What a run ended with."""

    code: int
    output: str

    @property
    def report(self) -> Report:
        return Report.model_validate_json(self.output)

    def finding(self, name: str) -> Finding:
        (found,) = [finding for finding in self.report.findings if finding.name == name]
        return found

    def having(self, outcome: Outcome) -> set[str]:
        return {finding.name for finding in self.report.findings if finding.outcome is outcome}

    @property
    def failures(self) -> set[str]:
        return self.having(Outcome.FAILURE)

    @property
    def warnings(self) -> set[str]:
        return self.having(Outcome.WARNING)


def examine(
    *arguments: str, scene: dict[str, Any] | None = None, as_json: bool = True, **settings: str
) -> Run:
    """Run the doctor; `settings` are variables without their prefix."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("SA_CONTEXTS_")}
    given = {
        "SA_CONTEXTS_LIBRARY": str(SIMULATOR_PATH),
        "SA_CONTEXTS_PORT": "0",
        "SA_CONTEXTS_SIMULATED_CONTEXTS": "40",
        "XDG_STATE_HOME": str(ROOT / "absent"),
        "DOCTOR_SCENE": json.dumps({"simulator": str(SIMULATOR_PATH)} | (scene or {})),
        **{f"SA_CONTEXTS_{name.upper()}": text for name, text in settings.items()},
    }
    done = subprocess.run(
        [sys.executable, TARGET, "doctor", *(["--json"] if as_json else []), *arguments],
        env=plain | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | given,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
    )
    assert done.stderr == "", done.stderr
    assert "The check itself failed" not in done.stdout, done.stdout
    return Run(done.returncode, done.stdout)

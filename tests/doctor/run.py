"""Runs of `sa-contexts doctor`, in a process of its own or in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from app.cli.main import app
from app.schemas.doctor import Finding, Outcome, Report
from app.telemetry.logging.configuration import configure_logging
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


def _environment(settings: dict[str, str]) -> dict[str, str]:
    return {
        "SA_CONTEXTS_LIBRARY": str(SIMULATOR_PATH),
        "SA_CONTEXTS_PORT": "0",
        "SA_CONTEXTS_SIMULATED_CONTEXTS": "40",
        "SA_CONTEXTS_SIMULATED_CHURN": "0",
        "SA_CONTEXTS_SIMULATED_NET_EVENTS": "0",
        "XDG_STATE_HOME": str(ROOT / "absent"),
        "COLUMNS": "100",
        **{f"SA_CONTEXTS_{name.upper()}": text for name, text in settings.items()},
    }


def examine(*arguments: str, scene: dict[str, Any] | None = None, **settings: str) -> Run:
    """Run the doctor in a process; `settings` are variables without their prefix."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("SA_CONTEXTS_")}
    scene = {"simulator": str(SIMULATOR_PATH)} | (scene or {})
    done = subprocess.run(
        [sys.executable, TARGET, "doctor", "--json", *arguments],
        env=plain
        | {"PYTHONPATH": str(ROOT), "DOCTOR_SCENE": json.dumps(scene)}
        | _environment(settings),
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


def examine_here(*arguments: str, as_json: bool = True, **settings: str) -> Run:
    """The same in this process, with the simulator as it is."""
    command = ["doctor", *(["--json"] if as_json else []), *arguments]
    try:
        result = CliRunner().invoke(app, command, env=_environment(settings))
    finally:
        configure_logging("json", "debug")  # the runner's standard error is closed
    assert "The check itself failed" not in result.stdout, result.stdout
    return Run(result.exit_code, result.stdout)

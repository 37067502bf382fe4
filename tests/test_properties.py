"""Each run of a property test draws other examples, even in CI (hypothesis' default repeats)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


ROOT = Path(__file__).parents[1]
PROPERTY = """
import tests.conftest
from hypothesis import given, settings, strategies

drawn = []

@given(strategies.integers())
def draw(number):
    drawn.append(number)

draw()
print(settings.default.print_blob, drawn)
"""


def test_each_run_in_ci_draws_other_examples() -> None:
    environment = {**os.environ, "CI": "true"}
    drawn = [
        subprocess.check_output(
            [sys.executable, "-c", PROPERTY], cwd=ROOT, env=environment, text=True
        )
        for _ in range(2)
    ]

    assert drawn[0] != drawn[1]
    assert all(each.startswith("True [") for each in drawn)

"""A skipped test fails unless the reason is expected."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="needs Windows' own Python")
def test_marked(): ...

def test_called():
    pytest.skip("not installed: clang")

@pytest.mark.skipif(True, reason="there is no compiler under Wine")
def test_marked_unexpectedly(): ...

def test_called_unexpectedly():
    pytest.skip("no time")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="names the reasons of Linux")
def test_only_expected_skips_pass(tmp_path: Path) -> None:
    test = tmp_path / "test_skipped.py"
    test.write_text(TESTS, encoding="utf-8")
    plugins = ("-p", "tests.skips", "-p", "no:cacheprovider")

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *plugins, "--rootdir", tmp_path, test],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    outcomes = re.findall(r"^(FAILED|ERROR|PASSED) .*::(\w+)", ran.stdout, re.MULTILINE)
    assert sorted(outcomes) == [
        ("ERROR", "test_marked_unexpectedly"),
        ("FAILED", "test_called_unexpectedly"),
    ]
    assert ran.stdout.count("SKIPPED [1]") == 2

"""A failed test is reported, whatever finalizers do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


ROOT = Path(__file__).parents[1]
TESTS = """
import ast

class Parser:
    def __init__(self):
        self.cycle = self

    def __del__(self):
        ast.parse("f(1 + 2)")

def test_failing():
    parsers = [Parser() for _ in range(400)]
    del parsers
    raise RuntimeError
""" + "\n".join(f"value_{i} = [(1 + {i}) * 2, str({i})]" for i in range(2000))


def test_a_failure_is_reported_while_finalizers_parse(tmp_path: Path) -> None:
    test = tmp_path / "test_parsing.py"
    test.write_text(TESTS, encoding="utf-8")
    plugins = ("-p", "tests.garbage", "-p", "no:cacheprovider")

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "--rootdir", tmp_path, test],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1, ran.stderr
    assert "raise RuntimeError" in ran.stdout

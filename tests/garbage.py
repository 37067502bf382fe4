"""Collects no garbage while a test is reported.

pytest reports a failure from the syntax tree of its source. In CPython 3.11, a finalizer that runs
meanwhile and builds another tree, as formatting a traceback does, makes both fail with
`SystemError: AST constructor recursion depth mismatch`, which ends the whole run
(https://github.com/python/cpython/issues/106905).
"""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the garbage collector off until the report is made."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()

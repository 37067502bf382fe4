"""Fails each test that is skipped for a reason not listed here.

A skip that nobody expects looks like a pass: a test that no longer runs anywhere proves nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any, Final

import pytest


_LINUX: Final = (
    "needs Windows' own Python",  # the Windows leg runs it
    "not installed: ",  # compilers; the leg `compilers` has them all
)
_NOT_ROOT: Final = ("only root gives files to others",)
_WINDOWS: Final = (
    "Linux has a device that is full",
    "Windows has no such files",
    "Windows has no such signals",
    "Windows has one",
    "Windows has rights, and no modes",
    "Windows resolves them",
    "Windows keeps and grants rights otherwise",
    "could not import 'fcntl'",
    "counts the threads of Linux",
    "it does there",
    "knows how glibc treats freed memory",
    "links need rights on Windows",
    "names the reasons of Linux",
    "names the wheel of Linux",
    "needs sockets that are not TCP",
    "only Linux reports what is unread",
    "on Windows it is the folder that says who may",
    "only root gives files to others",
    "tests/windows has them happen",
    "the event loop of Linux does",
    "there is no compiler under Wine",
    "the page is protected with POSIX's mprotect",
    "there the folder says who may read",
)


def _expected() -> tuple[str, ...]:
    """Return how the reasons begin that are expected on this system; all reasons on others."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    linux = _LINUX if is_root else (*_LINUX, *_NOT_ROOT)
    return {"linux": linux, "win32": _WINDOWS}.get(sys.platform, ("",))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn an unexpected skip into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        where: Any = report.longrepr
        reason = where[2].removeprefix("Skipped: ")
        if not reason.startswith(_expected()):
            report.outcome = "failed"
            report.longrepr = f"skipped, which tests/skips.py does not expect: {reason}"
    return report

"""The Event Log, as far as Wine has it: it knows sources, and takes events without keeping any."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

import pytest

from app.telemetry.logging.event_log import EventLogSink, add_source, remove_source
from app.telemetry.logging.sinks import DROPPED, LogQueue


KEY = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\sa-contexts"
"""Where Windows looks for a source ("Event Sources", learn.microsoft.com)."""


def test_a_source_is_made_known_and_taken_back() -> None:
    winreg: Any = import_module("winreg")

    add_source()
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, KEY) as key:
        file, kind = winreg.QueryValueEx(key, "EventMessageFile")
        assert (file, kind) == (r"%SystemRoot%\System32\EventCreate.exe", winreg.REG_EXPAND_SZ)
        assert winreg.QueryValueEx(key, "TypesSupported") == (1 | 2 | 4, winreg.REG_DWORD)
    add_source()  # as a second installation does
    remove_source()
    with pytest.raises(FileNotFoundError):
        winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, KEY)


def test_events_are_taken() -> None:
    """Windows takes them of sources that it does not know, too."""
    before = DROPPED.collect()
    queue = LogQueue([EventLogSink()])
    logger = logging.Logger("test")  # noqa: LOG001  # of no hierarchy
    logger.addHandler(queue)
    logger.error("an error\u2019s text")
    queue.close()

    assert DROPPED.collect() == before

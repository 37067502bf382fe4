"""Console events on systems without a Windows console."""

from __future__ import annotations

import os

import pytest

from bindings.console import console_events


@pytest.mark.skipif(os.name == "nt", reason="tests/windows has them happen")
def test_outside_windows_nothing_is_listened_to() -> None:
    calls: list[str] = []

    with console_events(lambda: calls.append("stop")):
        pass

    assert calls == []

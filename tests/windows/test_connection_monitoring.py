"""`sa-contexts service enable-connection-monitoring` on Windows' CPython."""

from __future__ import annotations

import pytest
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.service import app
from bindings.account import account


def test_an_administrator_enables_it_once(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = account()
    assert found is not None
    assert found.is_administrator  # Wine makes its user an administrator
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))
    simulator.monitor_connections(False)

    outputs = [
        CliRunner().invoke(app, ["enable-connection-monitoring", "--yes"]).output for _ in range(2)
    ]

    assert "now tracks IPsec connections" in outputs[0]
    assert "already tracks IPsec connections" in outputs[1]
    assert simulator.calls("FwpmEngineSetOption0") == 1
    assert (simulator.open_handles(), simulator.misuses()) == (0, 0)

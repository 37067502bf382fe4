"""`sa-contexts tunnels`: the same from a server and from the engine, at 80 columns."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli import tunnels
from app.cli.main import app
from app.schemas.names import TunnelState
from tests.cli.served import served


SIMULATED = ("--engine", "simulator", "--simulated-contexts", "250")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_server_and_the_engine_give_the_same(simulator: Simulator) -> None:
    local = json.loads(run("tunnels", "--json", *SIMULATED))["items"]
    simulator.reset()
    # Without a second sample of the connections: the engine of a command is sampled once.
    with served(250, refresh_interval_seconds=3600) as port:
        url = f"http://127.0.0.1:{port}"
        remote = json.loads(run("tunnels", "--json", "--url", url))["items"]
        table = run("tunnels", "--url", url)
        up = run("tunnels", "--state", "up", "--url", url)

    assert len(local) > 10
    assert local == remote
    assert len(table.splitlines()) == len(local) + 2
    states = [item["state"] for item in local]
    assert f"{len(local)} tunnels: " in table
    assert f"{states.count('up')} up" in table
    assert up.endswith(f"{states.count('up')} tunnels: {states.count('up')} up\n")


def test_a_table_fits_80_columns(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.reset()
    monkeypatch.setattr(tunnels, "terminal_width", lambda: 80)

    lines = run("tunnels", *SIMULATED).splitlines()

    assert lines[0].split()[:4] == ["Tunnel", "State", "Remote", "SAs"]
    assert max(map(cell_len, lines)) <= 80
    assert any(line.split()[-2:] == ["any", "0/0"] or " any " in line for line in lines)


def test_what_needs_attention_comes_first(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.reset()
    monkeypatch.setenv("SA_CONTEXTS_EXPECTED_PEERS", "198.18.0.2,198.18.0.1")
    monkeypatch.setattr(tunnels, "terminal_width", lambda: 80)

    _, *rows, _ = run("tunnels", *SIMULATED).splitlines()

    words = [row.split() for row in rows]
    states = {state.value for state in TunnelState}
    shown = [next(each for each in row if each in states) for row in words]
    assert [row[:2] for row in words[:2]] == [["Laboratory", "tunnel"], ["Warehouse", "tunnel"]]
    assert list(dict.fromkeys(shown)) == ["down", "idle", "template", "up"]
    assert shown == sorted(shown)  # in this order, the states are also in that of the alphabet


def test_nothing_found_is_said(simulator: Simulator) -> None:
    simulator.reset()

    assert run("tunnels", "--name", "nothing", *SIMULATED).splitlines()[1:] == ["0 tunnels"]


def test_what_is_wrong_is_explained(simulator: Simulator) -> None:
    simulator.reset()
    result = CliRunner().invoke(app, ["tunnels", "--is-expected", "maybe", *SIMULATED])

    assert result.exit_code != 0
    assert "--is-expected" in result.output

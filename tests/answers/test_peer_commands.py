"""`sa-contexts peers` and `sa-contexts peer`, and what docs/questions.md shows of them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli import peers
from app.cli.main import app
from app.cli.texts import amount
from tests.auth.made import make_key
from tests.cli.served import served


PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```\n\$ sa-contexts (peer 10\.78\.[^\n]*)\n(.*?)```", PAGE, re.DOTALL)
SIMULATED = ("--engine", "simulator", "--simulated-contexts", "250")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_the_page_shows_what_the_command_prints(
    simulator: Simulator,  # noqa: ARG001  # it is reset
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    output: str,
) -> None:
    monkeypatch.setattr(peers, "terminal_width", lambda: 80)

    printed = run(*shlex.split(command), *SIMULATED)

    shown, _, _ = output.partition("…\n")
    assert printed.startswith(shown)
    assert printed == output or output.endswith("…\n")
    assert max(map(len, printed.splitlines())) <= 80


def test_a_server_and_the_engine_give_the_same(simulator: Simulator) -> None:
    local = json.loads(run("peers", "--json", *SIMULATED))["items"]
    simulator.reset()
    # Without a second sample of the connections, which a slow machine might come to: the engine of
    # a command is sampled once, so that it has no rates.
    with served(250, refresh_interval_seconds=3600) as port:
        url = f"http://127.0.0.1:{port}"
        remote = json.loads(run("peers", "--json", "--url", url))["items"]
        address = remote[0]["address"]
        detail = json.loads(run("peer", address, "--json", "--url", url))
        table = run("peers", "--url", url)
    simulator.reset()
    one = json.loads(run("peer", address, "--json", *SIMULATED))

    assert len(local) > 100
    assert local == remote
    assert table.endswith(f"{len(local)} peers\n")
    del one["snapshot"], detail["snapshot"]
    assert one == detail


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["peer", "192.0.2.98", *SIMULATED], "there is no peer 192.0.2.98: this host has no SA"),
        (["peer", "192.0.2.98", *SIMULATED], "matches a rule of this host"),
        (["peer", "nobody", *SIMULATED], "Should be an address. To find peers by name: `sa-con"),
        (["peer", "10.0.0", *SIMULATED], "Should be an address. To find peers by name"),
        (["peers", "--sort", "bytes", *SIMULATED], "'-bytes'"),
        (["peers", "--subnet", "10.0.0.1/8", *SIMULATED], "write 10.0.0.0/8"),
    ],
)
def test_what_is_wrong_is_explained(
    simulator: Simulator,  # noqa: ARG001  # it is reset
    arguments: list[str],
    reason: str,
) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})

    assert result.exit_code != 0
    assert reason in result.output


def test_hidden_failures_are_reported(
    simulator: Simulator,  # noqa: ARG001  # it is reset
    tmp_path: Path,
) -> None:
    keys = tmp_path / "keys.json"
    key = {"SA_CONTEXTS_TOKEN": make_key(keys, "sa:read", name="plain")}
    with served(4, api_keys_file=keys, expected_peers="192.0.2.99") as port:
        url = ("--url", f"http://127.0.0.1:{port}")
        table = CliRunner().invoke(app, ["peers", *url], env=key)
        down = CliRunner().invoke(app, ["peer", "192.0.2.99", *url], env=key)
        absent = CliRunner().invoke(app, ["peer", "192.0.2.98", *url], env=key)

    assert table.output.endswith(" lacks the scope diagnostics:read\n")
    assert "failures hidden: the key" in " ".join(down.output.split())
    assert absent.exit_code == 1
    assert absent.output.startswith("sa-contexts: there is no peer 192.0.2.98: ")
    assert "diagnostics:read" in absent.output


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, "0 B"),
        ("999", "999 B"),
        (1000, "1.0 kB"),
        ("99949", "99.9 kB"),
        (99_960, "100 kB"),
        (999_960, "1.0 MB"),
        (123_456_789, "123 MB"),
        (2**64, "18.4 EB"),
    ],
)
def test_amounts_have_a_unit(count: Any, text: str) -> None:
    assert amount(count) == text

"""The command line, as a person and as a script use it."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sa_contexts_simulator import Option, Simulator
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.simulation import NOTICE
from app.server.protocol import LimitedH11Protocol
from app.telemetry.logging.configuration import configure_logging
from tests.api.test_secrets import assert_clean


ROOT = Path(__file__).parents[2]
KEYS = "keys.json"


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env=environment)


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))
    yield
    configure_logging("json", "debug")  # the runner's standard error is closed


def test_the_version_is_reported() -> None:
    result = run("--version")

    assert result.exit_code == 0
    assert result.stdout.startswith("sa-contexts 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "1", "--side", "x"],
        ["list", "--engine", "x"],
        ["keys", "add", "a", "--scope", "x"],
    ],
)
def test_invalid_choice_is_reported_without_the_words_of_the_validator(
    arguments: list[str],
) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})

    assert result.exit_code == 2
    assert ": 'x' is not one of '" in result.stderr


@pytest.mark.parametrize("command", ["list", "watch"])
def test_help_is_wrapped_only_at_the_width_of_the_terminal(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80"})

    intro, _, _ = result.stdout.partition("\u256d")
    *lines, _end = max(intro.split("\n" + " " * 80), key=len).strip("\n").splitlines()
    following = [line.split()[0] for line in [*lines, _end][1:]]
    assert len(lines) > 1
    for line, word in zip(lines, following, strict=True):
        assert len(line.rstrip()) + 1 + len(word) >= 80 - 1  # the word did not fit


@pytest.mark.parametrize("command", ["list", "peers"])
def test_simulation_is_noticed_in_one_sentence(simulator: Simulator, command: str) -> None:
    assert simulator.count() == 0

    result = CliRunner().invoke(app, [command, "--engine", "simulator", "--json"])

    assert result.stderr == f"{NOTICE}\n"


def test_an_unknown_context_is_reported() -> None:
    result = run("show", "18446744073709551615")

    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last == "sa-contexts: there is no SA context 18446744073709551615"


def test_the_options_of_serve_reach_the_server(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []

    def serve(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        server.started = True
        protocol: Any = server.config.http
        served.append((protocol.func, sockets[0].getsockname()))
        sockets[0].close()

    monkeypatch.setattr("uvicorn.Server.run", serve)
    interval = sys.getswitchinterval()
    try:
        result = run(
            "serve", "--host", "127.0.0.2", "--port", "0", "--simulated-contexts", "7",
            "--simulated-churn", "0", "--engine", "auto",
        )  # fmt: skip
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()

    assert result.exit_code == 0
    ((protocol, address),) = served
    assert (protocol, address[0], simulator.count()) == (LimitedH11Protocol, "127.0.0.2", 7)
    assert "these SA contexts are simulated" in result.stderr


@pytest.mark.parametrize("command", ["list", "serve"])
@pytest.mark.parametrize(
    ("library", "sentence"),
    [
        ("relative.dll", "setting library is not valid: the path must be absolute"),
        ("/nowhere/fwpuclnt.dll", "there is no library at"),
        (str(Path(__file__).resolve()), "cannot be loaded as a library"),
    ],
)
def test_a_bad_library_ends_the_command_with_one_sentence(
    command: str, library: str, sentence: str
) -> None:
    result = run(command, SA_CONTEXTS_LIBRARY=library)

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.strip().count("\n") == 0


def test_a_bad_setting_is_reported() -> None:
    result = run("list", SA_CONTEXTS_ENGINE_PAGE_SIZE="0")

    assert result.exit_code == 1
    assert "setting engine_page_size is not valid" in result.stderr


def test_an_engine_of_either_byte_order_is_listed_the_same(simulator: Simulator) -> None:
    """List the contexts on an IPv6 subnet, by a template in the engine's order."""
    printed = []
    for is_reversed in (0, 1):
        simulator.reset()
        simulator.set_option(Option.REVERSED_IPV6, is_reversed)
        result = run("list", "--json", "--local-subnet", "fd00::/8")
        printed.append(json.loads(result.stdout)["items"])

    assert printed[0] == printed[1]
    assert printed[0]


@pytest.mark.parametrize("command", [["list"], ["show", "1"]])
def test_a_refusing_engine_is_reported(simulator: Simulator, command: list[str]) -> None:
    simulator.fail("*", 5, times=0)

    result = run(*command)

    assert result.exit_code == 1
    assert "returned ERROR_ACCESS_DENIED (5)" in result.stderr
    assert "needs the rights FWPM_ACTRL_ENUM and FWPM_ACTRL_READ" in result.stderr
    assert "Traceback" not in result.output


def test_a_port_that_is_taken_ends_the_command_with_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("serve", "--port", str(port))

    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(
        f"sa-contexts: cannot listen on 127.0.0.1:{port}: Address already in use"
    )


def test_a_host_that_does_not_exist_ends_the_command() -> None:
    result = run("serve", "--host", "not an address", "--port", "0")

    assert result.exit_code == 1
    assert "cannot listen on not an address:0" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [
        ["--version"],
        ["--help"],
        ["list", "--simulated-contexts", "1"],
        ["list", "--simulated-contexts", "300"],
        ["doctor"],
        ["doctor", "--json"],
        ["keys", "list", "--file", KEYS],
    ],
    ids=" ".join,
)
def test_full_disk_ends_each_command_with_one_sentence(
    tmp_path: Path, command: list[str], unbuffered: str
) -> None:
    keys = tmp_path / KEYS
    run("keys", "add", "a", "--scope", "sa:read", "--file", str(keys))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app", *command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line != NOTICE]
    assert said == ["sa-contexts: cannot write the output: No space left on device"]


def test_the_canary_is_in_nothing_that_is_printed(simulator: Simulator) -> None:
    run("list", "--simulated-contexts", "200")
    shown = simulator.ids()[0]
    for command in (["list"], ["list", "--json"], ["show", str(shown), "--json"], ["show", "1"]):
        for code in (None, 5, 1722):
            simulator.clear_failures()
            if code is not None:
                simulator.fail("IPsecSaContextGetById1", code, times=0)
                simulator.fail("IPsecSaContextEnum1", code, times=0)
            result = run(*command, "--simulated-contexts", "200")
            assert_clean(result.output)

"""`sa-contexts service enable-connection-monitoring` asks first, and says what it found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli import connection_monitoring
from app.cli.main import app
from app.doctor.run import SECTIONS
from app.telemetry.logging.configuration import configure_logging
from bindings.account import Account, Elevation
from bindings.winerror import WinError
from tests.conftest import Serve


ROOT = Path(__file__).parents[2]
BINDING = "bindings/connection_monitoring.py"
COMMAND = "service enable-connection-monitoring"
SET, GET = "FwpmEngineSetOption0", "FwpmEngineGetOption0"


@pytest.fixture(autouse=True)
def _off_at_first(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))
    simulator.monitor_connections(False)
    yield
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)
    configure_logging("json", "debug")  # the runner's standard error is closed


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runner's standard input pass for a terminal."""
    monkeypatch.setattr(connection_monitoring, "_has_terminal", lambda: True)


def run(*options: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, [*COMMAND.split(), *options], input=typed)


def is_monitored(serve: Serve) -> str:
    monitoring: str = serve().get("/connections?maxAge=0").json()["monitoring"]
    return monitoring


@pytest.mark.usefixtures("terminal")
def test_it_is_enabled_once_confirmed(simulator: Simulator, serve: Serve) -> None:
    assert is_monitored(serve) == "off"

    done = run(typed="y\n")

    assert done.exit_code == 0
    assert done.stdout.endswith(
        "Track IPsec connections on this host? [y/N]: y\n"
        "The engine now tracks IPsec connections. A running server shows new ones.\n"
    )
    assert simulator.calls(SET) == 1
    assert is_monitored(serve) == "on"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_nothing_changes_unless_confirmed(simulator: Simulator, typed: str) -> None:
    done = run(typed=typed)

    assert done.exit_code == 1
    assert "FWP_E_STILL_ON" in done.stdout
    assert simulator.calls(SET) == 0


def test_no_terminal_is_no_confirmation(simulator: Simulator) -> None:
    done = run(typed="y\n")

    assert done.exit_code == 1
    assert (
        "sa-contexts: there is no terminal to ask for confirmation; --yes confirms" in done.stderr
    )
    assert simulator.calls(SET) == 0


def test_an_engine_that_tracks_them_is_left_alone(simulator: Simulator) -> None:
    simulator.monitor_connections(True)

    done = run()

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "The engine already tracks IPsec connections; nothing was changed.\n"
    assert simulator.calls(SET) == 0


@pytest.mark.parametrize(
    "caller",
    [
        Account(is_administrator=False, is_operator=True, elevation=Elevation.DEFAULT),
        Account(is_administrator=False, is_operator=False, elevation=Elevation.LIMITED),
    ],
)
def test_only_an_administrator_may_enable_it(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caller: Account
) -> None:
    monkeypatch.setattr(connection_monitoring, "account", lambda: caller)

    done = run("--yes")

    assert done.exit_code == 1
    assert done.output == (
        "sa-contexts: only an administrator may change this: run it in an elevated PowerShell\n"
    )
    assert simulator.calls() == 0


def test_an_administrator_may_enable_it(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Account(is_administrator=True, is_operator=False, elevation=Elevation.FULL)
    monkeypatch.setattr(connection_monitoring, "account", lambda: caller)

    assert run("--yes").exit_code == 0
    assert simulator.calls(SET) == 1


@pytest.mark.parametrize(
    ("function", "code", "sentence"),
    [
        (SET, WinError.ERROR_ACCESS_DENIED, "the account lacks FWPM_ACTRL_WRITE on the engine"),
        (GET, WinError.ERROR_ACCESS_DENIED, "the account lacks FWPM_ACTRL_READ on the engine"),
        ("FwpmEngineOpen0", WinError.ERROR_ACCESS_DENIED, "the account lacks FWPM_ACTRL_OPEN"),
        ("FwpmEngineClose0", WinError.ERROR_ACCESS_DENIED, "the account lacks a right"),
        (SET, WinError.RPC_S_PROCNUM_OUT_OF_RANGE, "this version of Windows cannot track"),
        (SET, WinError.FWP_E_INVALID_ENUMERATOR, "this version of Windows cannot track"),
        (GET, WinError.FWP_E_INVALID_ENUMERATOR, "this version of Windows cannot track"),
        (SET, WinError.RPC_S_SERVER_UNAVAILABLE, "unreachable (RPC_S_SERVER_UNAVAILABLE)"),
        (SET, WinError.FWP_E_TIMEOUT, "another program has kept a transaction open"),
        (SET, WinError.FWP_E_DYNAMIC_SESSION_IN_PROGRESS, "treats the session as dynamic"),
        (SET, WinError.FWP_E_TXN_IN_PROGRESS, f"{SET} returned FWP_E_TXN_IN_PROGRESS"),
    ],
)
def test_each_failure_has_one_sentence(
    simulator: Simulator, function: str, code: int, sentence: str
) -> None:
    simulator.fail(function, code, times=0)

    done = run("--yes")

    simulator.clear_failures()
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert re.fullmatch(r"sa-contexts: .+\n", done.stderr)
    assert "now tracks" not in done.stdout


def test_an_engine_that_accepts_it_without_effect_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "bindings.connection_monitoring.enable_connection_monitoring", lambda *_, **__: None
    )

    done = run("--yes")

    assert done.exit_code == 1
    assert "still does not track connections" in done.stderr


def test_an_unreadable_library_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", "/nowhere/fwpuclnt.dll")

    done = run("--yes")

    assert (done.exit_code, done.output) == (
        1,
        "sa-contexts: there is no library at /nowhere/fwpuclnt.dll\n",
    )


@pytest.mark.usefixtures("terminal")
def test_the_documents_show_what_is_printed(simulator: Simulator) -> None:
    simulated = "This engine is a simulator: the change ends with this command.\n\n"
    for document, options, typed in (("service", [], "y\n"), ("questions", ["--yes"], "")):
        simulator.reset()
        simulator.monitor_connections(False)
        text = (ROOT / "docs" / f"{document}.md").read_text(encoding="utf-8")
        shown = text.partition(f"$ sa-contexts {' '.join([COMMAND, *options])}\n")[2]

        printed = run(*options, typed=typed).stdout

        assert simulated in printed
        assert shown.startswith(printed.replace(simulated, "") + "```\n"), document
        assert all(cell_len(line) <= 80 for line in printed.splitlines())


def test_the_request_of_the_question_gives_what_is_shown(serve: Serve) -> None:
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    shown = re.search(r"connections\?limit=1' \|\n.+\n(\w+\n\d+\n)```", text)

    page = serve(contexts=5).get("/connections?limit=1").json()

    assert shown is not None
    assert shown[1] == f"{page['monitoring']}\n{len(page['items'])}\n"


# ---- never by itself ----


def sources() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the program's modules, except cffi's generated one."""
    for folder in ("app", "bindings"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name != "_fwpuclnt.py" and "simulator" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_one_module_calls_a_function_that_changes_the_engine() -> None:
    """Functions that change the engine have a verb in their names that readers' have not."""
    changing = re.compile(
        r"^(?:Fwpm|IPsec|Ikeext)\w*(?:Set|Add|Create|Delete|Update|Expire|Initiate|Transaction)\w*\d$"
    )
    reading = re.compile(r"CreateEnumHandle0$")
    called = [
        (path, node.value)
        for path, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and changing.match(node.value)
        and not reading.search(node.value)
    ]

    assert set(called) == {
        (BINDING, SET),
        ("app/cli/connection_monitoring.py", SET),  # names the right that it needs
    }


def test_one_module_opens_a_session_that_is_not_dynamic() -> None:
    found = [
        path
        for path, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.keyword) and node.arg == "is_dynamic"
    ]

    assert found == [BINDING]


def test_the_server_and_the_other_commands_never_set_an_option(
    simulator: Simulator, serve: Serve, tmp_path: Path
) -> None:
    simulator.collect_net_events(False)
    client = serve(contexts=20)
    paths = [path for path in client.get("/openapi.json").json()["paths"] if "events" not in path]
    for path in paths:
        known = re.sub(r"\{\w+\}", "1", path)
        assert client.get(known).status_code < 500, path
    assert len(paths) > 20
    for arguments in (
        ["doctor", "--json"],
        ["capture", str(tmp_path / "capture"), "--report"],
        *(["list"], ["peers"], ["ended"], ["history"], ["show", "1"], ["peer", "192.0.2.1"]),
        ["explain", "FWP_E_STILL_ON"],
    ):
        CliRunner().invoke(app, arguments)

    assert sum(len(checks) for checks in SECTIONS.values()) > 30
    assert simulator.calls(GET) > 2
    assert simulator.calls(SET) == 0
    assert client.get("/connections?maxAge=0").json()["monitoring"] == "off"
    assert client.get("/net-events").json()["collection"] == "disabled"

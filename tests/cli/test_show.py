"""`sa-contexts show`: one context in words, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.details import details_of, outline
from app.cli.main import app
from app.resources.sa_contexts.encoding import render_sa_context
from app.resources.sa_contexts.schema import SaContext
from app.telemetry.logging.configuration import configure_logging
from bindings.engine import Engine
from bindings.library import Library
from tests.api.test_secrets import assert_clean
from tests.cli.served import served
from tests.cli.test_watch_malformed import answering


COUNT = 60
CONTEXTS = ("--simulated-contexts", str(COUNT))


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))
    yield
    configure_logging("json", "debug")  # the runner's standard error is closed


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["show", *arguments])


@pytest.fixture
def contexts(library: Library, simulator: Simulator) -> list[dict[str, Any]]:
    simulator.populate(COUNT, 1)
    with Engine(library) as engine:
        found = [render_sa_context(each) for page in engine.pages() for each in page]
    simulator.reset()  # ids start over
    return found


def section(text: str, name: str) -> str:
    """Return the lines below a name of the outline."""
    found = re.search(rf"^  {name}.*\n((?:    .*\n)*)", text, re.MULTILINE)
    assert found, name
    return found[1]


def test_context_is_shown_in_words(contexts: list[dict[str, Any]], simulator: Simulator) -> None:
    for context in contexts:
        simulator.reset()
        result = run(context["saContextId"], *CONTEXTS)

        assert result.exit_code == 0, result.output
        text = result.stdout
        assert text.startswith(f"SA context {context['saContextId']}\n")
        for name, sa in (
            ("outbound SA", context["outboundSa"]),
            ("inbound SA", context["inboundSa"]),
        ):
            part = section(text, name)
            if sa is None:
                assert re.search(rf"^  {name} +none$", text, re.MULTILINE)
                continue
            for one in sa["saBundle"]["saList"]:
                assert f"0x{one['spi']:08x} ({one['spi']})" in part
            lifetime = sa["saBundle"]["lifetime"]["lifetimeSeconds"]
            assert f"{lifetime} s" in part
            assert (" ".join(sa["weaknesses"]) or "none") in part
            assert sa["saBundle"]["pfsGroup"] in part
            if sa["transportFilter"]:
                assert sa["transportFilter"]["name"] in part
                assert sa["transportFilter"]["filterId"] in part
                for condition in sa["transportFilter"]["filterCondition"]:
                    assert condition["field"] in part
            peer = section(text, "peer")
            assert sa["traffic"]["remoteAddress"] in peer
            identity = sa["saBundle"]["ipsecId"]
            if identity and identity["mmTargetName"]:
                assert identity["mmTargetName"] in peer


def test_main_mode_sa_is_shown_with_who_authenticated(contexts: list[dict[str, Any]]) -> None:
    context = next(each for each in contexts if each["outboundSa"])
    main_mode_id = context["outboundSa"]["saBundle"]["mmSaId"]

    part = section(run(context["saContextId"], *CONTEXTS).stdout, f"main mode SA {main_mode_id}")

    assert re.search(r"^ +keying module +(ike|authip|ikev2)$", part, re.MULTILINE)
    assert re.search(r"^ +protection +\w+ \+ \w+, \w+$", part, re.MULTILINE)
    assert re.search(r"^ +weaknesses +\w+", part, re.MULTILINE)
    assert re.search(r"^ +lifetime +\d+ s$", part, re.MULTILINE)
    assert re.search(r"^ +peer +\w+", part, re.MULTILINE)


@pytest.mark.parametrize(
    ("code", "shown"), [(0x80320008, "has ended"), (5, "cannot be read: IkeextSaGetById2 returned")]
)
def test_missing_main_mode_sa_is_said(
    contexts: list[dict[str, Any]], simulator: Simulator, code: int, shown: str
) -> None:
    context = next(each for each in contexts if each["outboundSa"])
    simulator.fail("IkeextSaGetById2", code, times=0)

    result = run(context["saContextId"], *CONTEXTS)

    assert result.exit_code == 0
    (line,) = re.findall(r"^  main mode SA \d+ +(.*)$", result.stdout, re.MULTILINE)
    assert shown in line


@pytest.mark.parametrize("main_mode_id", [None, "0"])
def test_unknown_main_mode_sa_is_omitted(
    contexts: list[dict[str, Any]], main_mode_id: str | None
) -> None:
    context = next(each for each in contexts if each["outboundSa"])
    context["outboundSa"]["saBundle"]["mmSaId"] = main_mode_id
    with answering(json.dumps(context).encode(), "application/json") as url:
        result = run("1", "--url", url)

    assert result.exit_code == 0
    assert "main mode" not in result.stdout


def test_json_is_on_demand(contexts: list[dict[str, Any]]) -> None:
    context = contexts[0]

    result = run(context["saContextId"], *CONTEXTS, "--json")

    shown = json.loads(result.stdout)
    SaContext.model_validate(shown)
    assert shown["saContextId"] == context["saContextId"]


@pytest.mark.parametrize("form", [hex, "{:#X}".format])
def test_id_may_be_hexadecimal(contexts: list[dict[str, Any]], form: Callable[[int], str]) -> None:
    sa_context_id = contexts[0]["saContextId"]

    result = run(form(int(sa_context_id)), *CONTEXTS)

    assert result.stdout.startswith(f"SA context {sa_context_id}\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fe43c37a", "write 0xfe43c37a"),
        (str(1 << 64), "Should be at most 18446744073709551615"),
        ("x", "Should be a decimal number"),
    ],
)
def test_invalid_id_is_explained(text: str, reason: str) -> None:
    result = run(text, *CONTEXTS)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())


def test_server_shows_the_same(contexts: list[dict[str, Any]], simulator: Simulator) -> None:
    sa_context_id = contexts[0]["saContextId"]
    from_engine = []
    for options in ([], ["--json"]):
        from_engine.append(run(sa_context_id, *CONTEXTS, *options).stdout)
        simulator.reset()
    with served(COUNT) as port:
        url = f"http://127.0.0.1:{port}"
        from_server = [run(sa_context_id, "--url", url, *each).stdout for each in ([], ["--json"])]
        unknown = run("5", "--url", url)

    assert from_server == from_engine != ["", ""]
    assert (unknown.exit_code, unknown.stderr) == (1, "sa-contexts: there is no SA context 5\n")
    assert simulator.count() == COUNT


def test_ended_main_mode_sa_of_a_server_is_said(
    contexts: list[dict[str, Any]], simulator: Simulator
) -> None:
    context = next(each for each in contexts if each["outboundSa"])
    with served(COUNT) as port:
        simulator.delete_ike_sa(int(context["outboundSa"]["saBundle"]["mmSaId"]))
        result = run(context["saContextId"], "--url", f"http://127.0.0.1:{port}")

    assert re.search(r"^  main mode SA \d+ +has ended$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("status", [404, 403, 503])
def test_other_problem_of_a_server_is_not_an_unknown_context(status: int) -> None:
    with answering(b"", "text/plain", status) as url:
        result = run("1", "--url", url)

    assert result.exit_code == 1
    assert f"/sa-contexts/1 {'cannot answer' if status == 503 else 'rejects'}" in result.stderr


def test_names_cannot_steer_the_terminal(contexts: list[dict[str, Any]]) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e\n[red]x\t\u2028"

    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spoil(each) for name, each in value.items()}
        if isinstance(value, list):
            return [*map(spoil, value)]
        return hostile if isinstance(value, str) else value

    for context in contexts:
        for lines in (
            outline(details_of(spoil(context), None)),
            outline(details_of(spoil(context), hostile)),
        ):
            assert all(line.isprintable() for line in lines)


def test_key_material_is_not_shown(contexts: list[dict[str, Any]], simulator: Simulator) -> None:
    for context in contexts:
        simulator.reset()
        shown = run(context["saContextId"], *CONTEXTS)
        assert shown.exit_code == 0
        assert_clean(shown.output)

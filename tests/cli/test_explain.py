"""`sa-contexts explain`: without a server, and with one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.answers.failures.catalogue import entries, find
from app.answers.failures.encoding import explanation_of
from app.answers.failures.schema import FailureExplanation
from app.cli.explain import text_of
from app.cli.main import app
from app.telemetry.logging.configuration import configure_logging
from tests.auth.made import make_key
from tests.cli.served import served
from tests.cli.test_watch_malformed import answering


FORMS = ("13868", "0x362c", "error_ipsec_ike_policy_match", "ras-13868", "0x8007362c")


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    yield
    configure_logging("json", "debug")  # the runner's standard error is closed


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(app, ["explain", *arguments], env=environment)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", "/nowhere")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("form", FORMS)
def test_a_code_is_explained_without_server_and_engine(form: str) -> None:
    result = run(form)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("13868  0x0000362c  ERROR_IPSEC_IKE_POLICY_MATCH\n")
    for heading in ("Meaning", "If this host failed:", "If the peer failed:", "Sources"):
        assert heading in result.stdout
    words = " ".join(result.stdout.split())
    assert "The peer rejected this host's proposal" in words
    for use in ("connection security rules", "VPNs (RRAS, Always On VPN)", "DirectAccess"):
        assert f"Check, for {use}" in words


@pytest.mark.parametrize(
    ("form", "heading"),
    [
        ("-2146762495", "2148204801  0x800b0101  CERT_E_EXPIRED"),
        ("0x80070005", "5  0x00000005  ERROR_ACCESS_DENIED"),
        ("event-4653", "event 4653"),
        ("ras-809", "RAS error 809  ERROR_VPN_TIMEOUT"),
        ("809", "RAS error 809  ERROR_VPN_TIMEOUT"),
        ("STATUS_IPSEC_BAD_SPI", "3224764417  0xc0360001  STATUS_IPSEC_BAD_SPI"),
    ],
)
def test_the_heading_names_the_failure(form: str, heading: str) -> None:
    assert run(form).stdout.partition("\n")[0] == heading


def test_no_text_is_wider_than_the_terminal_and_none_is_lost() -> None:
    for entry in entries().values():
        explanation = explanation_of(entry)
        for width in (40, 80):
            every_side = [*text_of(explanation, width)]
            text = " ".join(" ".join(every_side).split())
            for line in every_side:
                is_long_word = " " not in line.strip()
                assert len(line) <= width or is_long_word, line
            assert all(source in text for source in explanation["sources"])
            assert all(related in text for related in explanation["related"])
            for side, advice in explanation["sides"].items():
                one = " ".join(" ".join(text_of(explanation, width, (side,))).split())
                assert advice["explanation"] in text
                assert advice["explanation"] in one
                assert all(check in one for check in advice["checks"].values() if check)
                if side == "unknown":
                    assert all(check in text for check in advice["checks"].values() if check)


@pytest.mark.parametrize("side", ["me", "peer", "unknown"])
def test_one_side_is_explained_alone(side: str) -> None:
    words = " ".join(run("13868", "--side", side).stdout.split())

    sides = explanation_of(entries()["13868"])["sides"]
    assert [name for name, each in sides.items() if each["explanation"] in words] == [side]
    assert "If th" not in words


def test_json_is_that_of_the_api() -> None:
    shown = json.loads(run("ras-789", "--json").stdout)

    FailureExplanation.model_validate(shown)
    found = find("ras-789")
    assert found is not None
    assert shown == explanation_of(found)


@pytest.mark.parametrize("code", ["xyz", "99999", "event-1", "\x1b[2J", "-1"])
def test_an_unknown_code_is_reported_with_the_accepted_forms(code: str) -> None:
    result = run(code)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "\x1b" not in result.stderr
    for form in ("13868", "0x", "ERROR_IPSEC_IKE_POLICY_MATCH", "event-4653", "ras-809"):
        assert form in result.stderr


def test_the_output_in_the_documentation_is_real() -> None:
    page = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n\$ sa-contexts explain (.+)\n((?:.*\n)*?)```$", page, re.MULTILINE)

    assert blocks
    for arguments, output in blocks:
        assert run(*arguments.split()).stdout == output


def test_options_of_a_server_require_one() -> None:
    result = run("13868", "--allow-insecure")

    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_a_server_explains_the_same_and_counts(simulator: Simulator) -> None:
    alone = run("13868").stdout
    with served(5, heartbeat_interval_seconds=0.01) as port:
        url = f"http://127.0.0.1:{port}"
        simulator.net_event(0, 13868)
        simulator.net_event(0, 13868, 7)
        assert simulator.flush()
        while "2 times" not in (counted := run("13868", "--url", url).stdout):
            assert "\nMeaning" in counted
        by_environment = run("0x362c", SA_CONTEXTS_URL=url).stdout
        none = run("13801", "--url", url).stdout
        event = run("Event 4653", "--url", url).stdout
        unknown = run("no such/../thing", "--url", url)

    heading, _, rest = counted.partition("\n")
    assert rest.startswith("It occurred here 2 times, with ")
    assert [heading, *rest.split("\n")[1:]] == alone.split("\n")
    assert by_environment == counted
    assert "It did not occur here" in none
    assert event == run("event-4653").stdout
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "is not explained" in unknown.stderr


def test_a_key_without_the_scope_shows_no_counts(simulator: Simulator, tmp_path: Path) -> None:
    keys, token = tmp_path / "keys.json", tmp_path / "token"
    token.write_text(make_key(keys, "sa:read"), encoding="utf-8")
    with served(simulator.count(), api_keys_file=keys) as port:
        url = f"http://127.0.0.1:{port}"
        shown = run("13868", "--url", url, "--token-file", str(token)).stdout
        wrong = run("13868", "--url", url, SA_CONTEXTS_TOKEN="sak_wrong")  # noqa: S106  # no secret

    assert shown == run("13868").stdout
    assert wrong.exit_code == 1
    assert "/failures/13868 rejects the request" in wrong.stderr


@pytest.mark.parametrize("body", [b"{}", b'{"sides": []}', b"[]", b"nonsense"])
def test_a_malformed_answer_is_reported(body: bytes) -> None:
    with answering(body, "application/json") as url:
        result = run("13868", "--url", url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("sa-contexts: the answer")


def test_texts_of_a_server_cannot_steer_the_terminal() -> None:
    def spoiled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spoiled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [*map(spoiled, value)]
        return f"{value}\x1b]0;owned\x07\x9b2J\u202e\n" if isinstance(value, str) else value

    for line in text_of(spoiled(explanation_of(entries()["13868"])), 80):
        assert line.isprintable()

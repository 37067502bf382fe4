"""`sa-contexts certificates`: what it prints of this host's engine and of a server."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from rich.cells import cell_len
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner, Result

from app.cli.certificates import lines_of
from app.cli.main import app
from app.cli.simulation import NOTICE
from tests.answers.certificates import certificate, main_mode, name, thumbprint_of
from tests.cli.served import served
from tests.conftest import SIMULATOR_PATH


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["certificates", *words])


@pytest.fixture
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(SIMULATOR_PATH))


@pytest.mark.usefixtures("_engine", "simulator")
def test_the_engine_and_a_server_are_shown_alike() -> None:
    with served(250, simulated_net_events=0) as port:
        url = f"http://127.0.0.1:{port}"
        of_server = run("--json", "--url", url)
        locals_of_server = run("--side", "local", "--url", url)
    of_engine = run("--json", "--simulated-contexts", "250")

    assert (of_server.exit_code, of_engine.exit_code) == (0, 0), of_engine.output
    assert json.loads(of_server.stdout) == json.loads(of_engine.stdout)
    assert of_engine.stderr == f"{NOTICE}\n"  # no line of a log
    assert locals_of_server.stdout.splitlines()[-1] == "4 certificates"
    assert run("--side", "local", "--simulated-contexts", "250").stdout == locals_of_server.stdout
    ends = [item["notAfter"] for item in json.loads(of_server.stdout)["items"]]
    known = [end for end in ends if end is not None]
    assert known == sorted(known)
    assert ends == known + [None] * (len(ends) - len(known))


def test_pages_of_a_server_are_joined(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.certificates.MAX_LIMIT", 3)
    with served(250, simulated_net_events=0) as port:
        joined = run("--json", "--url", f"http://127.0.0.1:{port}")
        monkeypatch.undo()
        whole = run("--json", "--url", f"http://127.0.0.1:{port}")

    assert joined.stdout == whole.stdout
    assert len(json.loads(whole.stdout)["items"]) > 3
    assert simulator.open_handles() == 0


@pytest.mark.usefixtures("_engine")
def test_what_ends_soon_is_listed(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.certificates.terminal_width", lambda: 80)
    monkeypatch.setattr("app.bootstrap.open_library", _kept_library(monkeypatch))
    trees = []
    for number, (subject, days) in enumerate(
        {"ended.contoso.example": -2.5, "vpn01.contoso.example": 12.5, "other": 400}.items(), 1
    ):
        encoded = certificate(name(subject), days=days, usages=["1.3.6.1.5.5.8.2.2"])
        simulator.put_certificate(thumbprint_of(encoded), encoded)
        proof = (name(subject).public_bytes(), thumbprint_of(encoded))
        trees.append(main_mode(number, "198.51.100.1", (proof, None)))
        simulator.put_ike_sa(trees[-1].address)

    result = run("--expires-within", "30d")

    heading, *rows, last = result.stdout.splitlines()
    assert heading.split()[:5] == ["Expires", "Days", "Side", "SAs", "Subject"]
    assert [row.split()[1:5] for row in rows] == [
        ["-3", "local", "1", "CN=ended.contoso.example"],
        ["12", "local", "1", "CN=vpn01.contoso.example"],
    ]
    assert last == "2 certificates"
    assert max(map(cell_len, result.stdout.splitlines())) <= 80


def _kept_library(_monkeypatch: pytest.MonkeyPatch) -> object:
    """Return `open_library` without its population of the simulator."""
    from bindings.library import Library  # noqa: PLC0415

    return lambda _settings: Library(SIMULATOR_PATH)


@pytest.mark.parametrize("period", ["30", "1w", "-1d", ""])
def test_other_periods_are_rejected(period: str) -> None:
    result = run("--expires-within", period)

    assert result.exit_code == 2
    assert "Should be a period" in re.sub(r"[\s│]+", " ", result.output)


def item(**members: object) -> dict[str, object]:
    return {
        "thumbprint": "00" * 20,
        "sides": ["local"],
        "subject": "CN=x",
        "issuer": None,
        "serialNumber": None,
        "notBefore": None,
        "notAfter": None,
        "enhancedKeyUsages": None,
        "subjectAltNames": None,
        "isInStore": None,
        "ikeSas": 1,
        "peers": 1,
        **members,
    }


def test_days_are_whole_days_left() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    ends = [now + timedelta(days=days) for days in (1.99, 0.5, -0.5)]
    with time_machine.travel(now, tick=False):
        _, *rows, last = lines_of([item(notAfter=end.isoformat()) for end in ends], None)
        _, unknown, one = lines_of([item(sides=["local", "peer"], subject="\u202ex")], None)

    assert [row.split()[1] for row in rows] == ["1", "0", "-1"]
    assert (last, one) == ("3 certificates", "1 certificate")
    assert unknown.split()[:3] == ["unknown", "local", "peer"]
    assert "\u202e" not in unknown


def test_usages_without_a_word_are_shown_by_their_identifier() -> None:
    usages = [{"usage": "ipsec_ike_intermediate", "oid": "1.3"}, {"usage": "unknown", "oid": "1.2"}]
    _, row, _ = lines_of([item(enhancedKeyUsages=usages)], None)

    assert "ipsec_ike_intermediate 1.2" in row

"""`sa-contexts ended` and `sa-contexts history`: what they print of a running server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from rich.cells import cell_len
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner, Result

from app.answers.times import parse_since
from app.cli.ended import COLUMNS, duration_of, lines_of, validated_since
from app.cli.history import lines_of as history_lines_of
from app.cli.main import app
from app.cli.texts import bytes_of
from app.schemas.names import EndReason
from tests.auth.made import make_key
from tests.cli.served import served


@pytest.fixture
def server(simulator: Simulator) -> Iterator[str]:
    with served(30) as port:
        url = f"http://127.0.0.1:{port}"
        httpx2.get(f"{url}/sa-contexts?maxAge=0").raise_for_status()
        for number in simulator.ids()[:7]:
            simulator.delete(number)
        httpx2.get(f"{url}/sa-contexts?maxAge=0").raise_for_status()
        yield url


def run(*options: str, **environment: str) -> Result:
    return CliRunner().invoke(app, [*options], env={"COLUMNS": "500", **environment})


def test_what_ended_is_what_the_api_lists(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.ended.MAX_LIMIT", 3)  # so that there are several pages
    found = httpx2.get(f"{server}/sa-contexts/ended").json()["items"]
    assert len(found) == 7

    result = run("ended", "--since", "10m", "--json", "--url", server)

    assert (result.exit_code, json.loads(result.stdout)["items"]) == (0, found)
    table = run("ended", "--since", "1d", SA_CONTEXTS_URL=server).stdout.splitlines()
    assert table[0].split() == " ".join(column.name for column in COLUMNS).split()
    assert all(item["saContextId"] in line for item, line in zip(found, table[1:], strict=False))
    assert table[-2:] == [
        "7 SA contexts ended",
        "earlier ones may be missing: the server was not running, or has dropped them",
    ]


def test_filters_are_those_of_the_api(server: str) -> None:
    item = httpx2.get(f"{server}/sa-contexts/ended").json()["items"][0]
    options = ["--remote-address", item["remoteAddress"], "--end-reason", item["endReason"]]
    for name in item["principalNames"][:1]:
        options += ["--principal-name", f"{name[:4].upper()}*"]

    found = json.loads(run("ended", *options, "--json", "--url", server).stdout)["items"]
    assert item in found
    none = run("ended", "--end-reason", "rekeyed", "--url", server).stdout
    assert none.splitlines()[1] == "0 SA contexts ended"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--remote-address", "10.0.0.0/8"], "--remote-address: Should be an address"),
        (["--remote-address", "10.0.0"], "--remote-address: Should be an address"),
        (["--principal-name", ""], "--principal-name: Should be a name"),
        (["--end-reason", "bad"], "'--end-reason': 'bad' is not one of"),
    ],
)
def test_bad_filter_is_an_error_of_the_command_line(options: list[str], reason: str) -> None:
    result = run("ended", *options)

    assert result.exit_code == 2
    assert reason in result.stderr


@pytest.mark.parametrize("text", ["2026-11-29 14:05:09", "2026-11-29T14:05:09", "2026-11-29 14:05"])
def test_time_without_an_offset_is_local(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Etc/GMT-3")
        time.tzset()
        given = validated_since(text)
    time.tzset()

    assert parse_since(given).replace(second=0) == datetime(2026, 11, 29, 11, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-02-30 10:00", "2026-11-29 24:61", "2026-11-29"])
def test_time_that_does_not_exist_is_rejected(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="Should be a time"):
        validated_since(text)


@pytest.mark.parametrize("command", ["ended", "history"])
@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--url", "http://127.0.0.1:1"], 1, "cannot reach http://127.0.0.1:1"),
        (["--since", "yesterday"], 2, "Should be a time as in RFC 3339"),
    ],
)
def test_what_cannot_be_asked_is_reported(
    command: str, options: list[str], code: int, sentence: str
) -> None:
    result = run(command, *options)

    assert result.exit_code == code
    assert sentence in result.stderr


def test_a_server_that_rejects_the_request_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = make_key(path, "events:read")
    with served(3, api_keys_file=path) as port:
        for command in ("ended", "history"):
            url = f"http://127.0.0.1:{port}"
            rejected = run(command, "--url", url, SA_CONTEXTS_TOKEN=key)
            assert rejected.exit_code == 1
            assert "sa:read" in rejected.stderr


def ended_at(minutes: int, reason: EndReason, **rest: Any) -> dict[str, Any]:
    time = datetime(2026, 11, 29, 12, tzinfo=UTC) - timedelta(minutes=minutes)
    return {
        "time": f"{time:%Y-%m-%dT%H:%M:%S.123456Z}",
        "saContextId": "9007434534716107",
        "localAddress": "10.122.1.53",
        "remoteAddress": "203.113.175.122",
        "trafficType": "transport",
        "mmSaId": "423355734875678632",
        "principalNames": ["host/web01.corp.example"],
        "endReason": reason.value,
        "evidence": {},
        **rest,
    }


def test_the_essential_columns_fit_80_cells() -> None:
    items = [
        ended_at(0, reason, firstSeen="2026-11-29T10:00:00Z", duration=86399.0)
        for reason in EndReason
    ]
    items[0]["evidence"] = {"replacedBy": "9007434534716108"}
    lines = [*lines_of(items, width=80, is_missed=False)]

    assert max(map(cell_len, lines)) <= 80
    for item, line in zip(items, lines[1:], strict=False):
        assert all(text in line for text in ("203.113.175.122", item["endReason"], "23 h 59 min"))
    assert "by 9007434534716108" in [*lines_of(items, width=None, is_missed=False)][1]


def test_names_cannot_steer_the_terminal() -> None:
    hostile = ended_at(0, EndReason.UNKNOWN, principalNames=["\x1b[2J\u202e\n"])

    [_, line, _] = lines_of([hostile], width=None, is_missed=False)

    assert line.isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min"), (3600, "1 h"), (3725, "1 h 2 min"), (90061, "1 d 1 h")],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert duration_of(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (12_345_678, "12.3 MB"),
        (2**64 - 1, "18.4 EB"),
    ],
)
def test_bytes_have_three_digits(number: int, text: str) -> None:
    assert bytes_of(number) == text


def minute(number: int, **rest: Any) -> dict[str, Any]:
    time = datetime(2026, 11, 29, tzinfo=UTC) + timedelta(minutes=number)
    return {
        "time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "saContexts": number,
        "protections": [{"protection": "ESP gcm_aes_256", "saContexts": number}],
        "weaknesses": [{"weakness": "ikev1", "saContexts": 5}],
        "failures": 1,
        "bytesInbound": "1000",
        "bytesOutbound": None,
        **rest,
    }


@pytest.mark.parametrize(
    ("count", "step", "rows"),
    [(0, 1, 0), (1, 1, 1), (30, 1, 30), (31, 2, 16), (60, 2, 30), (61, 5, 13), (1440, 60, 24)],
)
def test_minutes_are_joined_from_the_newest_on(count: int, step: int, rows: int) -> None:
    lines = [*history_lines_of([minute(number) for number in range(count)], None)]

    assert len(lines) == rows + 2
    assert lines[-1].startswith(f"each line: {'minute' if step == 1 else f'{step} minutes'};")
    contexts = [int(line.split()[1]) for line in lines[1:-1]]
    assert contexts == [*range(count - 1, -1, -step)][::-1]
    failures = [int(line.split()[2]) for line in lines[1:-1]]
    assert sum(failures) == count
    assert failures[1:] == [step] * (rows - 1 if rows else 0)


def test_what_is_unknown_is_a_question_mark() -> None:
    nothing = dict.fromkeys(
        ("saContexts", "protections", "weaknesses", "failures", "bytesInbound", "bytesOutbound")
    )
    _, known, unknown, _ = history_lines_of([minute(1), minute(2, **nothing)], 80)

    assert known.split()[1:6] == ["1", "1", "1.00", "kB", "?"]
    assert unknown.split()[1:] == ["?"] * 6
    assert cell_len(known) <= 80


def test_a_server_shows_its_history(server: str) -> None:
    result = run("history", "--url", server)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split()[:3] == ["Until", "SA", "contexts"]
    assert json.loads(run("history", "--json", "--url", server).stdout) == {
        "items": httpx2.get(f"{server}/history").json()["items"]
    }

"""More walks than any client needs, and forged cursors."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import perf_counter

import httpx2
import pytest

from app.repository.query.cursors import Cursor, CursorFromOtherProcess, CursorKey, InvalidCursor
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import View
from tests.hostile.conftest import Attacked
from tests.hostile.process import Target, running_target


WALKS = 10_000
SNAPSHOTS = 250
OVER_HTTP = 20_000
IN_PROCESS = 1_000_000
CALLERS = 4
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PAYLOADS = (
    "",
    "null",
    "[]",
    "{}",
    '{"e":"a","r":1,"a":"1"}',
    '{"e":"a","r":null,"a":"99999999999999999999"}',
    '{"e":"a","r":1e999,"a":"1"}',
    '{"e":"\\ud800","r":1,"a":"1"}',
    '{"e":"a","r":1,"a":"1","view":"none"}',
    '{"e":"a","r":1,"a":"1","remoteSubnet":["::/129","10.0.0.1/8"]}',
    '{"e":"a","r":1,"a":"1","spi":["99999999999999999999999"]}',
    '{"e":"a","r":1,"a":"1","cipher":[[[[[[]]]]]]}',
    "[" * 2000,
    '{"e":' * 500,
)
"""Cursors that a reader of the source might forge."""


def test_ten_thousand_walks_go_on() -> None:
    """Walk on the maximum of leased snapshots; beyond it, the oldest walk is evicted."""
    with (
        running_target(
            simulated_contexts=100,
            simulated_churn=2000,
            refresh_min_interval_seconds=0,
            max_snapshots=SNAPSHOTS,
            snapshot_idle_timeout_seconds=600,
            max_journal_bytes=1
            << 20,  # has a limit of its own, which churn reaches without any walk
        ) as target,
        httpx2.Client(base_url=target.url, timeout=60) as client,
    ):
        before = target.resident_bytes()
        walks: dict[str, str] = {}
        oldest = client.get("/sa-contexts?maxAge=0&limit=1").json()["nextCursor"]
        for _ in range(SNAPSHOTS):
            page = client.get("/sa-contexts?maxAge=0&limit=1")
            for _ in range(WALKS // SNAPSHOTS):
                cursor = page.json()["nextCursor"]
                walks[cursor] = page.text.rpartition('"snapshot":')[2]
                page = client.get("/sa-contexts", params={"cursor": cursor, "limit": 1})

        page = client.get("/sa-contexts", params={"cursor": oldest})
        assert (page.status_code, page.json()["code"]) == (410, "cursor_expired")
        assert client.get(page.json()["restartUrl"]).status_code == 200
        assert len(walks) >= WALKS
        assert len(set(walks.values())) >= SNAPSHOTS
        for cursor, snapshot in walks.items():
            page = client.get("/sa-contexts", params={"cursor": cursor, "limit": 2})
            assert page.status_code == 200
            assert page.text.rpartition('"snapshot":')[2] == snapshot
        assert target.peak_bytes() - before < 256 << 20
        assert client.get("/sa-contexts?maxAge=3600&limit=1000").status_code == 200
        assert target.engine()["ready"] is True


def forged(cursor: str, dice: Random) -> str:
    """Return a cursor damaged in one of many ways."""
    head, name, payload, mac = cursor.split(".")
    at = dice.randrange(len(cursor))
    one = dice.choice(ALPHABET)
    match dice.randrange(8):
        case 0:
            return cursor[:at] + one + cursor[at + 1 :]
        case 1:
            return cursor[:at] + cursor[at + 1 :]
        case 2:
            return cursor[:at]
        case 3:
            return cursor + one
        case 4:
            return ".".join((head, name, payload, "".join(dice.choices(ALPHABET, k=22))))
        case 5:
            text = "".join(dice.choices(ALPHABET, k=dice.randrange(200)))
            return f"{head}.{name}.{text}.{mac}"
        case 6:
            other = "".join(dice.choices("0123456789abcdef", k=8))
            return f"{head}.{other}.{payload}.{mac}"
        case _:
            text = _encoded(dice.choice(PAYLOADS))
            other = "".join(dice.choices("0123456789abcdef", k=8))
            return ".".join((head, dice.choice((name, other)), text, mac))


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_no_forged_cursor_is_taken_over_http(attacked: Attacked, target: Target) -> None:
    def ask(seed: int) -> Counter[str]:
        answers: Counter[str] = Counter()
        dice = Random(seed)
        with httpx2.Client(base_url=target.url, timeout=60) as client:
            cursor = client.get("/sa-contexts?limit=1").json()["nextCursor"]
            for _ in range(OVER_HTTP // CALLERS):
                text = forged(cursor, dice)
                if text != cursor:
                    answer = client.get("/sa-contexts", params={"cursor": text})
                    answers[f"{answer.status_code} {answer.json()['code']}"] += 1
        return answers

    with attacked(), ThreadPoolExecutor(CALLERS) as callers:
        answers = sum(callers.map(ask, range(CALLERS)), Counter[str]())

    assert set(answers) == {"400 cursor_invalid", "410 cursor_expired"}
    assert min(answers.values()) > 100


def test_none_of_a_million_forged_cursors_is_taken() -> None:
    key, dice = CursorKey(), Random(1)
    cursor = key.write(Cursor("0123456789ab", 7, 16676524, SaContextSelection(), View.FULL))
    rejected: Counter[type[Exception]] = Counter()
    began = perf_counter()
    for _ in range(IN_PROCESS):
        text = forged(cursor, dice)
        if text == cursor:
            continue
        try:
            key.read(text, SaContextSelection)
        except (InvalidCursor, CursorFromOtherProcess) as error:
            rejected[type(error)] += 1
        else:
            pytest.fail(f"{text} was taken")

    assert min(rejected[InvalidCursor], rejected[CursorFromOtherProcess]) > 10_000
    assert (perf_counter() - began) / IN_PROCESS < 1e-3

"""Cursors that the server did not write."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import perf_counter

import pytest

from app.repository.query.cursors import Cursor, CursorFromOtherProcess, CursorKey, InvalidCursor
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import View
from tests.hostile.conftest import Attacked
from tests.hostile.distance import near_and_far
from tests.hostile.process import Target


OVER_HTTP, DISTANT_OVER_HTTP = 4_000, 2_000
IN_PROCESS = 1_000_000
CALLERS, DISTANT_CALLERS = 4, 40
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


@near_and_far
def test_no_forged_cursor_is_taken_over_http(attacked: Attacked, target: Target) -> None:
    is_distant = target.reach.is_distant
    count = DISTANT_OVER_HTTP if is_distant else OVER_HTTP
    callers = DISTANT_CALLERS if is_distant else CALLERS
    headers = {"Authorization": f"Bearer {target.hostile_key}"} if is_distant else {}

    def ask(seed: int) -> Counter[str]:
        answers: Counter[str] = Counter()
        dice = Random(seed)
        with target.client() as client:
            client.headers.update(headers)
            cursor = client.get("/sa-contexts?limit=1").json()["nextCursor"]
            for _ in range(count // callers):
                text = forged(cursor, dice)
                if text != cursor:
                    answer = client.get("/sa-contexts", params={"cursor": text})
                    answers[f"{answer.status_code} {answer.json()['code']}"] += 1
        return answers

    with attacked(), ThreadPoolExecutor(callers) as pool:
        answers = sum(pool.map(ask, range(callers)), Counter[str]())

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

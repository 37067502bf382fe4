"""An issuer that sends its documents byte by byte, for ever."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.auth.dripping import DRIPS, Dripping, dripping
from tests.auth.made import make_key
from tests.auth.oidc import AUDIENCE, Oidc, signed, signing_key
from tests.hostile.page_reader import PageReader
from tests.soak.process import Target, running_target


TOKENS = 20
ANSWER_SECONDS = 6 + 2.0
"""How long a token may wait for its 503, as docs/access.md promises, and two for the machine."""
STOP_SECONDS = 2.0


def token_of(issuer: Dripping) -> str:
    return signed(Oidc(issuer.url).claims(), signing_key("unknown"))


def ask(target: Target, credential: str) -> tuple[int, str, float]:
    """Request a page; return its status, the code of its problem, and for how long it took."""
    began = time.monotonic()
    with closing(HTTPConnection(target.url.removeprefix("http://"), timeout=60)) as connection:
        connection.request("GET", "/sa-contexts", headers={"Authorization": f"Bearer {credential}"})
        response = connection.getresponse()
        code = json.load(response).get("code", "")
    return response.status, code, time.monotonic() - began


@pytest.mark.parametrize("stage", DRIPS)
def test_an_issuer_that_drips_keeps_neither_tokens_nor_others(tmp_path: Path, stage: str) -> None:
    key = make_key(tmp_path / "keys.json", "sa:read")
    with (
        dripping(stage) as issuer,
        running_target(
            simulated_contexts=250,
            simulated_churn=0,
            api_keys_file=tmp_path / "keys.json",
            oidc_issuer=issuer.url,
            oidc_audience=AUDIENCE,
        ) as target,
        PageReader(target.url, key) as reader,
        ThreadPoolExecutor(TOKENS) as pool,
    ):
        token = token_of(issuer)
        waiting = [pool.submit(ask, target, token) for _ in range(TOKENS)]
        reader.assert_undisturbed(lambda: all(each.done() for each in waiting))
        answers = [each.result() for each in waiting]

        assert {answer[:2] for answer in answers} == {(503, "issuer_unavailable")}
        assert max(answer[2] for answer in answers) < ANSWER_SECONDS
        assert issuer.connections == 1
        issuer.left.get(timeout=10)  # the server keeps no connection


def test_a_stop_does_not_wait_for_an_issuer_that_drips() -> None:
    with (
        dripping("body") as issuer,
        running_target(
            simulated_contexts=5,
            simulated_churn=0,
            oidc_issuer=issuer.url,
            oidc_audience=AUDIENCE,
        ) as target,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(ask, target, token_of(issuer))
        deadline = time.monotonic() + 10
        while not issuer.connections:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # another process can only be polled

        end = target.stop()

        assert (end.code, end.seconds < STOP_SECONDS) == (0, True), end
        assert waiting.result()[:2] == (503, "issuer_unavailable")

"""Credentials that wait for their issuer: none is counted yet when the others are let in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from unittest.mock import Mock

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from app.auth.authenticator import Authenticator
from app.middleware.address_rate_limit import (
    AddressRateLimitMiddleware,
    VerifiedCredentialCache,
    address_policy,
)
from app.middleware.authentication import AuthenticationMiddleware
from app.middleware.metrics import MetricsMiddleware
from app.settings.limits import RateLimits
from app.telemetry.metrics.registry import Metrics
from tests.auth.test_jwt import Trust


pytestmark = pytest.mark.anyio

QUOTA = 3
REQUESTS = 3 * QUOTA
JUNK = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl"


class Gate:
    """A gate with its limits, before an application that answers, and an issuer that can hang."""

    def __init__(self) -> None:
        self.trust = Trust()
        limits = RateLimits(rate_limit_per_address=QUOTA, rate_limit_rejections=QUOTA)

        def is_public(scope: Scope) -> bool:
            return bool(scope["path"] == "/public")

        gate = AuthenticationMiddleware(
            PlainTextResponse("in"), Authenticator(tokens=self.trust.tokens), is_public
        )
        limit = AddressRateLimitMiddleware(
            gate, address_policy(limits), limits, is_public, VerifiedCredentialCache()
        )
        self.metrics = Mock(spec=Metrics, http=Mock(), credential_rejections=Mock())
        self.app = MetricsMiddleware(limit, self.metrics)

    async def ask(self, token: str, answers: list[tuple[int, bytes]]) -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/sa-contexts",
            "raw_path": b"/sa-contexts",
            "client": ("192.0.2.1", 50000),
            "headers": [(b"authorization", f"Bearer {token}".encode())],
        }
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        await self.app(scope, receive, send)
        start, *bodies = sent
        assert int(dict(start["headers"])[b"content-length"]) == len(bodies[0]["body"])
        assert len(bodies) == 1
        answers.append((start["status"], bodies[0]["body"]))

    async def ask_at_once(self, tokens: list[str]) -> list[tuple[int, bytes]]:
        """Have requests wait together for the issuer, in the order of their tokens."""
        may_go_on = threading.Event()
        self.trust.on_fetch = lambda: may_go_on.wait(30)
        answers: list[tuple[int, bytes]] = []
        async with anyio.create_task_group() as tasks:
            for token in tokens:
                tasks.start_soon(self.ask, token, answers)
            await anyio.wait_all_tasks_blocked()
            assert not answers
            may_go_on.set()
        return answers


@pytest.mark.parametrize(
    ("is_down", "token", "status", "code"),
    [
        (False, lambda _: JUNK, 401, "unauthenticated"),
        (False, lambda trust: trust.token(exp=trust.began - 9999), 401, "unauthenticated"),
        (True, lambda trust: trust.token(), 503, "issuer_unavailable"),
    ],
)
async def test_tokens_that_waited_are_answered_within_the_quota(
    is_down: bool, token: Callable[[Trust], str], status: int, code: str
) -> None:
    gate = Gate()
    gate.trust.is_down = is_down

    answers = await gate.ask_at_once([token(gate.trust)] * REQUESTS)

    assert Counter(found for found, _ in answers) == {status: QUOTA, 429: REQUESTS - QUOTA}
    assert all(b"too_many_requests" in body for found, body in answers if found == 429)
    counted = Counter(call.args[0] for call in gate.metrics.count_problem.call_args_list)
    assert counted == {code: QUOTA, "too_many_requests": REQUESTS - QUOTA}


async def test_valid_tokens_that_waited_beside_junk_are_taken() -> None:
    gate = Gate()
    valid = [gate.trust.token(sub=f"client {number}") for number in range(REQUESTS)]

    answers = await gate.ask_at_once([*[JUNK] * REQUESTS, *valid])

    assert [answer for answer in answers if answer[0] == 200] == [(200, b"in")] * REQUESTS

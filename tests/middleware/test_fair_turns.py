"""Requests of different callers begin in turn."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.types import Receive, Scope, Send

from app.api.request_state import request_state
from app.middleware.fair_turns import FairTurnsMiddleware
from app.repository.fairness import CALLER, FairLimiter


pytestmark = pytest.mark.anyio

GREEDY, OTHER = ("api_key", "greedy"), ("api_key", "other")


async def nothing(*_: Any) -> Any:
    """Stand in for `receive` and `send`."""


def scope_of(key: tuple[str, str] | None, path: str, *, is_pipelined: bool = False) -> Scope:
    """Return the scope of a caller's request."""
    scope: Scope = {"type": "http", "path": path, "state": {}}
    state = request_state(scope)
    state.rate_limit_key, state.is_pipelined = key, is_pipelined
    return scope


async def test_a_request_does_not_wait_for_all_of_another_caller() -> None:
    begun: list[object] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.append(CALLER.get())

    turns = FairLimiter(4)
    middleware = FairTurnsMiddleware(app, turns)

    async def request(key: tuple[str, str] | None, path: str = "/sa-contexts") -> None:
        await middleware(scope_of(key, path), nothing, nothing)

    async with anyio.create_task_group() as tasks:
        for _ in range(200):
            tasks.start_soon(request, GREEDY)
        tasks.start_soon(request, OTHER)
        tasks.start_soon(request, None)
        tasks.start_soon(request, GREEDY, "/health/live")
        await anyio.lowlevel.checkpoint()

    assert len(begun) == 203
    assert begun.index(OTHER) < 3 * turns.seats
    assert begun[: 3 * turns.seats].count(None) == 2  # without a credential, and a probe
    assert (turns.occupied, turns.waiting) == (0, 0)


async def test_a_request_does_not_wait_for_all_pipelined_probes() -> None:
    begun: list[object] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.append(scope["path"])

    turns = FairLimiter(2)
    middleware = FairTurnsMiddleware(app, turns)

    async with anyio.create_task_group() as tasks:
        for _ in range(200):
            scope = scope_of(None, "/health/live", is_pipelined=True)
            tasks.start_soon(middleware, scope, nothing, nothing)
        tasks.start_soon(middleware, scope_of(OTHER, "/sa-contexts"), nothing, nothing)

    assert len(begun) == 201
    assert begun.index("/sa-contexts") < 3 * turns.seats


async def test_what_is_no_request_is_passed_on() -> None:
    passed: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope["type"])

    await FairTurnsMiddleware(app, FairLimiter(1))({"type": "lifespan"}, nothing, nothing)

    assert passed == ["lifespan"]

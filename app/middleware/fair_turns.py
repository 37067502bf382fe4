"""Fair turns: requests of different callers begin in turn, however many each of them sends."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.request_state import request_state
from app.middleware.rate_limit_policy import UNLIMITED_PATHS
from app.repository.fairness import CALLER, FairLimiter


class FairTurnsMiddleware:
    """Middleware that names the caller to what the request uses, and waits for its turn.

    A response is one piece of work, as long as it waits for nothing: if many requests arrive at
    once, the event loop would otherwise answer them all before the next caller's. Probes do not
    wait, unless they are pipelined. Pipelined requests wait in queues of their own: a client that
    pipelines sends without waiting for responses, as others of the same caller do not.
    """

    def __init__(self, app: ASGIApp, turns: FairLimiter) -> None:
        """Wrap an application.

        Args:
            app: the application.
            turns: admits requests to the event loop.
        """
        self._app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when its turn comes."""
        if scope["type"] == "http":
            state = request_state(scope)
            if state.is_pipelined:
                CALLER.set(("pipelined", state.rate_limit_key))
                await self._turns.turn()
                CALLER.set(state.rate_limit_key)
            elif scope["path"] not in UNLIMITED_PATHS:
                CALLER.set(state.rate_limit_key)  # a request has a task of its own
                await self._turns.turn()
        await self._app(scope, receive, send)

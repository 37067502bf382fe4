"""Request metrics, measured around all code that can answer a request."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.request_state import request_state
from app.telemetry.metrics.registry import Metrics


class MetricsMiddleware:
    """Middleware that counts and times requests, and counts problems and rejected credentials."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def observe_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started_at = perf_counter()
        self._metrics.http.in_progress.inc()
        try:
            await self._app(scope, receive, observe_send)
        except Exception:
            status = 500  # even if the response has begun
            raise
        finally:
            self._metrics.http.in_progress.dec()
            self._metrics.http.observe(scope, status, perf_counter() - started_at)
            state = request_state(scope)
            if state.problem is not None:
                self._metrics.count_problem(state.problem)
            if state.rejection_reason is not None:
                self._metrics.count_credential_rejection(state.rejection_reason)

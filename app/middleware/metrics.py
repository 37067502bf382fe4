"""Request metrics, measured outside the exception handlers."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry.metrics.http import HttpMetrics


class MetricsMiddleware:
    """Middleware that measures the number, duration and status of requests."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
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
        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, observe_send)
        except Exception:
            status = 500  # the response of the outer error middleware
            raise
        finally:
            self._metrics.in_progress.dec()
            self._metrics.observe(scope, status, perf_counter() - started_at)

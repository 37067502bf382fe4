"""Paths that are not what a route's pattern takes them for."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import NOT_FOUND, ProblemError, problem_response
from app.telemetry.metrics.registry import Metrics


_NOT_FOUND: Final = ProblemError(NOT_FOUND, NOT_FOUND.title + ".")


class ExactPaths:
    """Answers 404 where a path ends in a newline, which no path of a resource does.

    Starlette's patterns end in `$`, which also matches before a newline at the end (Python's `re`):
    `/engine%0a` would be answered as `/engine`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Stand before the router.

        Args:
            app: the application.
            metrics: count the problems.
        """
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http" or not scope["path"].endswith("\n"):
            await self._app(scope, receive, send)
            return
        self._metrics.count_problem(NOT_FOUND.code)
        scope.setdefault("state", {})["problem"] = NOT_FOUND.code
        await problem_response(Request(scope), _NOT_FOUND)(scope, receive, send)

"""Rejection of paths that end in a newline, which routes would match by mistake."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import NOT_FOUND, ProblemError, problem_response
from app.api.request_state import request_state


_NOT_FOUND: Final = ProblemError(NOT_FOUND, NOT_FOUND.title + ".")


class ExactPaths:
    """Middleware that answers 404 to paths that end in a newline.

    Starlette's patterns end in `$`, which also matches before a final newline, so `/engine%0a`
    would be routed like `/engine`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 404."""
        if scope["type"] != "http" or not scope["path"].endswith("\n"):
            await self._app(scope, receive, send)
            return
        request_state(scope).problem = NOT_FOUND.code
        await problem_response(_NOT_FOUND, scope["raw_path"])(scope, receive, send)

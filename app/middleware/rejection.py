"""The rejection of a request by middleware."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from app.api.problems import ProblemError, problem_response
from app.api.request_state import request_state


async def reject(problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with a problem and record the rejection in the request's state."""
    state = request_state(scope)
    state.problem, state.is_rejected = problem.kind.code, True
    response = problem_response(problem, scope["raw_path"])
    if scope["method"] == "HEAD":
        response.body = b""
    await response(scope, receive, send)

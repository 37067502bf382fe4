"""`/problems/{code}`: the explanation of each kind of problem."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.api import problems
from app.api.problems import ProblemError
from app.schemas.problems import ProblemExplanation


router = APIRouter(prefix="/problems", tags=["Problems"])


@router.get(
    "/{code}",
    responses=problems.responses(
        problems.NOT_FOUND, problems.TOO_MANY_REQUESTS, problems.INTERNAL_ERROR
    ),
)
async def get_problem(
    code: Annotated[str, Path(description="The problem's `code`.", examples=["cursor_expired"])],
    request: Request,
    response: Response,
) -> ProblemExplanation:
    """Explain a kind of problem and how to resolve it."""
    kind = request.app.state.problems.get(code)
    if kind is None:
        raise ProblemError(problems.NOT_FOUND, "No problem has this code.")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return ProblemExplanation(
        code=kind.code, status=kind.status, title=kind.title, explanation=kind.explanation
    )

"""`/health`: liveness and readiness probes, which need no credential and never call the engine."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, status

from app.schemas.engine import Liveness, Readiness


router = APIRouter(prefix="/health", tags=["Health"])


@router.get("/live")
async def get_liveness(response: Response) -> Liveness:
    """Report that the server is up."""
    response.headers["Cache-Control"] = "no-store"
    return Liveness(status="live")


@router.get("/ready", responses={503: {"model": Readiness, "description": "Not ready."}})
async def get_readiness(request: Request, response: Response) -> Readiness:
    """Report readiness: the filter engine answers, and API keys can be verified."""
    response.headers["Cache-Control"] = "no-store"
    if request.app.state.is_ready():
        return Readiness(status="ready")
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(status="not_ready")

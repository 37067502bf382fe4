"""`/health`: probes that cost the engine nothing and tell strangers nothing."""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from app.api.dependencies import ServiceDep
from app.schemas.engine import Liveness, Readiness


router = APIRouter(prefix="/health", tags=["Health"])


@router.get("/live")
async def get_liveness(response: Response) -> Liveness:
    """Tell that the server is up."""
    response.headers["Cache-Control"] = "no-store"
    return Liveness(status="live")


@router.get("/ready", responses={503: {"model": Readiness, "description": "Not ready."}})
async def get_readiness(service: ServiceDep, response: Response) -> Readiness:
    """Tell whether the filter engine answered not long ago, and the server can check API keys."""
    response.headers["Cache-Control"] = "no-store"
    if service.is_ready:
        return Readiness(status="ready")
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(status="not_ready")

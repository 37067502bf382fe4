"""`/metrics`: the metrics, in the Prometheus text format or in OpenMetrics."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Request, Response

from app.api import problems
from app.api.dependencies import reject_query
from app.api.negotiation import quality_of_type
from app.api.problems import NOT_ACCEPTABLE, ProblemError
from app.api.security import MetricsReader
from app.api.streaming import PiecesResponse
from app.telemetry.metrics.registry import OPEN_METRICS, TEXT, Metrics


router = APIRouter(tags=["Metrics"], dependencies=[Depends(reject_query)])

_TEXT_TYPE, _OPEN_METRICS_TYPE = (type_.partition(";")[0] for type_ in (TEXT, OPEN_METRICS))
_SCHEMA: Final = {"schema": {"type": "string"}}

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The metrics, in the format that the client prefers.",
        "content": {_TEXT_TYPE: _SCHEMA, _OPEN_METRICS_TYPE: _SCHEMA},
    },
    **problems.responses(
        *problems.AUTH_PROBLEMS,
        problems.NOT_ACCEPTABLE,
        problems.INVALID_PARAMETERS,
        problems.INTERNAL_ERROR,
    ),
}


async def wants_open_metrics(request: Request) -> bool:
    """Return whether the client prefers OpenMetrics to the Prometheus text format.

    Raises:
        ProblemError: 406: the client accepts neither.
    """
    open_metrics, text = (
        quality_of_type(request.headers, type_) for type_ in (_OPEN_METRICS_TYPE, _TEXT_TYPE)
    )
    if not open_metrics and not text:
        raise ProblemError(
            NOT_ACCEPTABLE,
            f"The header Accept excludes {_TEXT_TYPE} and {_OPEN_METRICS_TYPE}.",
            headers={"Vary": "Accept"},
        )
    return open_metrics > text


async def metrics_of(request: Request) -> Metrics:
    """Return the metrics of the application."""
    return cast(Metrics, request.app.state.metrics)


@router.get("/metrics", response_class=Response, responses=RESPONSES)
async def get_metrics(
    _caller: MetricsReader,
    is_open_metrics: Annotated[bool, Depends(wants_open_metrics)],
    metrics: Annotated[Metrics, Depends(metrics_of)],
) -> Response:
    """Get the metrics of the engine and of the server, without calling the engine.

    The format is OpenMetrics if `Accept` prefers it; otherwise it is the Prometheus text format.
    """
    text = metrics.open_metrics() if is_open_metrics else metrics.text()
    media_type = OPEN_METRICS if is_open_metrics else TEXT
    response = PiecesResponse([text], media_type, len(text))
    response.headers["Cache-Control"] = "no-store"
    return response

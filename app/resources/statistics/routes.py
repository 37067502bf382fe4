"""`/statistics`: what the engine has counted."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Response

from app.api import problems
from app.api.dependencies import ServiceDep, reject_query, require_json
from app.api.security import MetricsReader
from app.resources.statistics.encoding import encode_statistics
from app.resources.statistics.sampler import Sample, StatisticsSampler
from app.resources.statistics.schema import (
    MODULUS,
    IkeextStatistics,
    IpsecStatistics,
    StatisticsReading,
)
from app.schemas.names import EngineKind
from app.service import Service


TAG: Final = "Statistics"

router = APIRouter(
    prefix="/statistics",
    tags=[TAG],
    dependencies=[Depends(require_json), Depends(reject_query)],
)


@router.get(
    "/ipsec",
    responses=problems.responses(
        *problems.AUTH_PROBLEMS,
        problems.NOT_ACCEPTABLE,
        problems.INVALID_PARAMETERS,
        *problems.ENGINE_PROBLEMS,
    ),
)
async def get_ipsec_statistics(
    _caller: MetricsReader, service: ServiceDep, response: Response
) -> IpsecStatistics:
    """Get what the engine has counted of SAs and packets, no more than a second ago."""
    reading = await service.part(StatisticsSampler).ipsec()
    return IpsecStatistics.model_validate(_answer(service, reading, response))


@router.get(
    "/ike",
    responses=problems.responses(
        *problems.AUTH_PROBLEMS,
        problems.NOT_ACCEPTABLE,
        problems.INVALID_PARAMETERS,
        *problems.ENGINE_PROBLEMS,
        problems.IKEEXT_NOT_RUNNING,
    ),
)
async def get_ike_statistics(
    _caller: MetricsReader, service: ServiceDep, response: Response
) -> IkeextStatistics:
    """Get what the service IKEEXT has counted of negotiations, no more than a second ago."""
    reading = await service.part(StatisticsSampler).ike()
    return IkeextStatistics.model_validate(_answer(service, reading, response))


def _answer(service: Service, reading: Sample[Any], response: Response) -> dict[str, Any]:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    return {
        **encode_statistics(reading.counts),
        "reading": StatisticsReading(
            epoch=reading.epoch,
            taken_at=reading.at,
            host=service.host,
            engine=EngineKind(service.library.kind),
            modulus=MODULUS,
        ),
    }

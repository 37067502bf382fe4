"""`/statistics`: the engine's own counters."""

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
    StatisticsSample,
)
from app.schemas.names import EngineKind
from app.service import Service


TAG: Final = "Statistics"

PROBLEMS: Final = (
    *problems.AUTH_PROBLEMS,
    problems.NOT_ACCEPTABLE,
    problems.INVALID_PARAMETERS,
    *problems.ENGINE_PROBLEMS,
    problems.IKEEXT_NOT_RUNNING,
)

router = APIRouter(
    prefix="/statistics",
    tags=[TAG],
    dependencies=[Depends(require_json), Depends(reject_query)],
)


@router.get(
    "/ipsec",
    responses=problems.responses(*PROBLEMS),
)
async def get_ipsec_statistics(
    _caller: MetricsReader, service: ServiceDep, response: Response
) -> IpsecStatistics:
    """Get the engine's counters of SAs and packets, at most one second old."""
    sample = await service.part(StatisticsSampler).ipsec()
    return IpsecStatistics.model_validate(_answer(service, sample, response))


@router.get(
    "/ike",
    responses=problems.responses(*PROBLEMS),
)
async def get_ike_statistics(
    _caller: MetricsReader, service: ServiceDep, response: Response
) -> IkeextStatistics:
    """Get the IKEEXT service's counters of negotiations, at most one second old."""
    sample = await service.part(StatisticsSampler).ike()
    return IkeextStatistics.model_validate(_answer(service, sample, response))


def _answer(service: Service, sample: Sample[Any], response: Response) -> dict[str, Any]:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    return {
        **encode_statistics(sample.counts),
        "sample": StatisticsSample(
            epoch=sample.epoch,
            taken_at=sample.at,
            host=service.host,
            engine=EngineKind(service.library.kind),
            modulus=MODULUS,
        ),
    }

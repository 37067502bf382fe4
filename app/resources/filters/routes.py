"""`/filters`: the filters that SAs and net events refer to by their ids."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from app.api import problems
from app.api.conditional import conditional_response
from app.api.dependencies import ServiceDep, reject_query, require_json
from app.api.items import item_responses
from app.api.parameters import IdInPath
from app.api.problems import ProblemError
from app.api.security import SaReader
from app.resources.filters.reader import FilterReader
from app.resources.filters.schema import PolicyFilter
from bindings.errors import IkeextNotRunning, NotFound


TAG: Final = "Filters"

NOT_FOUND: Final = problems.declare(
    "filter_not_found",
    404,
    "There is no such filter",
    "The engine has no filter with this id. IKE adds some filters only for the duration of a "
    "negotiation, and a rule that is changed gets new filters. Ids are valid until the Base "
    "Filtering Engine restarts.",
)

router = APIRouter(
    prefix="/filters", tags=[TAG], dependencies=[Depends(require_json), Depends(reject_query)]
)


@router.get(
    "/{filterId}",
    response_class=Response,
    responses=item_responses(PolicyFilter, NOT_FOUND, links={}),
)
async def get_filter(
    _caller: SaReader,
    filter_id: Annotated[
        IdInPath,
        Path(
            alias="filterId",
            description="The `filterId`, a 64-bit decimal number: also an `ipsecFilterId`, "
            "`qmFilterId` or `mmFilterId`.",
        ),
    ],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Get one filter and the policy that it leads to, read from the engine for this request.

    A filter of Windows' firewall has the name of its rule. The policy's keys and proposals are
    never read.
    """
    try:
        body = await service.part(FilterReader).read(filter_id)
    except (NotFound, IkeextNotRunning):  # as for other objects
        raise ProblemError(
            NOT_FOUND, f"The engine has no filter with the id {filter_id}."
        ) from None
    return conditional_response(request, body)

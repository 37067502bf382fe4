"""`/sa-contexts/{saContextId}` and `/sa-contexts/summary`: one SA context, and counts of all."""

from __future__ import annotations

from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.api import problems
from app.api.conditional import conditional_response
from app.api.dependencies import (
    ServiceDep,
    accepts_json,
    given_once,
    takes_no_parameters,
)
from app.api.parameters import SummaryQuery
from app.api.problems import ProblemError
from app.api.snapshots import snapshot_of
from app.encoding.addresses import address_text
from app.repository.counts import Counts
from app.repository.selection import FIELDS_OF_SUITES
from app.repository.store import EngineSlow
from app.schemas.sa_contexts import SaContext, Snapshot
from app.schemas.summary import PeerCount, SaContextSummary, ValueCount
from app.service import Service
from bindings.errors import IkeextNotRunning, NotFound


router = APIRouter(
    prefix="/sa-contexts", tags=["SA contexts"], dependencies=[Depends(accepts_json)]
)

MAX_ID = (1 << 64) - 1
ETAG = {
    "description": "For `If-None-Match`: the same as long as the context is.",
    "schema": {"type": "string"},
}


@router.get(
    "/summary",
    dependencies=[Depends(given_once)],
    responses=problems.responses(
        problems.NOT_ACCEPTABLE, problems.INVALID_PARAMETERS, *problems.OF_THE_ENGINE
    ),
)
async def summarize_sa_contexts(
    query: Annotated[SummaryQuery, Query()], service: ServiceDep, response: Response
) -> SaContextSummary:
    """Count the IPsec SA contexts of this host, by how and with whom they protect traffic.

    Each count is that of the list with the filter of the same name and value.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    version, counts = await service.store.counts(query.age)
    return SaContextSummary(
        contexts=counts.contexts,
        without_sa=counts.without_sa,
        with_weakness=counts.with_weakness,
        baseline=service.reader.baseline,
        **{name: _values(counts, name) for name in FIELDS_OF_SUITES},
        peer_count=counts.peer_count,
        peers=[
            PeerCount(remote_address=address_text(peer) or "", contexts=contexts)
            for peer, contexts in counts.peers(query.peers)
        ],
        snapshot=Snapshot.model_validate(snapshot_of(version, service)),
    )


@router.get(
    "/{saContextId}",
    dependencies=[Depends(takes_no_parameters)],
    response_class=Response,
    responses={
        200: {
            "model": SaContext,
            "headers": {
                "ETag": ETAG,
            },
        },
        304: {"description": "Not Modified: as `If-None-Match` has it.", "headers": {"ETag": ETAG}},
        **problems.responses(
            problems.SA_CONTEXT_NOT_FOUND,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.OF_THE_ENGINE,
        ),
    },
)
async def get_sa_context(
    sa_context_id: Annotated[
        str,
        Path(
            alias="saContextId",
            pattern=r"^[0-9]{1,20}$",
            description="The `saContextId`, a 64-bit number in decimal.",
            examples=["9007199254740993"],
        ),
    ],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Get one IPsec SA context, as the engine has it at this moment."""
    number = int(sa_context_id)
    if number > MAX_ID:
        raise ProblemError(
            problems.INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[{"parameter": "saContextId", "reason": f"Should be at most {MAX_ID}"}],
        )
    try:
        text = await _read_one(service, number)
    except (NotFound, IkeextNotRunning):
        raise ProblemError(
            problems.SA_CONTEXT_NOT_FOUND, f"There is no SA context of the id {number}."
        ) from None
    return conditional_response(request, text)


async def _read_one(service: Service, sa_context_id: int) -> bytes:
    with anyio.move_on_after(service.store.limits.patience_seconds):
        return await anyio.to_thread.run_sync(
            service.reader.read_one,
            sa_context_id,
            abandon_on_cancel=True,
            limiter=service.one_reader,
        )
    raise EngineSlow


def _values(counts: Counts, field: str) -> list[ValueCount]:
    return [
        ValueCount(value=value, contexts=contexts) for value, contexts in counts.by(field).items()
    ]

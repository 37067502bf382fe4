"""`/sa-contexts/{saContextId}` and `/sa-contexts/summary`: one SA context, and counts of all."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.api import problems
from app.api.dependencies import (
    ServiceDep,
    accepts_json,
    given_once,
    takes_no_parameters,
)
from app.api.items import answer_item, item_responses
from app.api.parameters import Uint64Parameter
from app.api.sa_context_parameters import SummaryQuery
from app.api.security import SaReader
from app.api.snapshots import snapshot_of
from app.encoding.addresses import address_text
from app.repository.sa_context_counts import Counts
from app.repository.sa_context_selection import FIELDS_OF_SUITES
from app.schemas.sa_contexts import SaContext, Snapshot
from app.schemas.summary import PeerCount, SaContextSummary, ValueCount


router = APIRouter(
    prefix="/sa-contexts", tags=["SA contexts"], dependencies=[Depends(accepts_json)]
)


@router.get(
    "/summary",
    dependencies=[Depends(given_once)],
    responses=problems.responses(
        *problems.OF_THE_CALLER,
        problems.NOT_ACCEPTABLE,
        problems.INVALID_PARAMETERS,
        *problems.OF_THE_ENGINE,
    ),
)
async def summarize_sa_contexts(
    _caller: SaReader,
    query: Annotated[SummaryQuery, Query()],
    service: ServiceDep,
    response: Response,
) -> SaContextSummary:
    """Count the IPsec SA contexts of this host, by how and with whom they protect traffic.

    Each count is that of the list with the filter of the same name and value.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    version, counts = await service.sa_contexts.store.counts(query.age)
    return SaContextSummary(
        contexts=counts.contexts,
        without_sa=counts.without_sa,
        with_weakness=counts.with_weakness,
        baseline=service.baseline,
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
    responses=item_responses(
        SaContext,
        problems.SA_CONTEXT_NOT_FOUND,
        links={
            "mainModeSa": {
                "operationId": "get_ike_sa",
                "parameters": {"path.saId": "$response.body#/outboundSa/saBundle/mmSaId"},
                "description": "The main mode SA that negotiated the outbound SA.",
            },
        },
    ),
)
async def get_sa_context(
    _caller: SaReader,
    sa_context_id: Annotated[
        Uint64Parameter,
        Path(alias="saContextId", description="The `saContextId`, a 64-bit number in decimal."),
    ],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Get one IPsec SA context, as the engine has it at this moment."""
    return await answer_item(
        request,
        sa_context_id,
        service.sa_contexts.store,
        service,
        problems.SA_CONTEXT_NOT_FOUND,
    )


def _values(counts: Counts, field: str) -> list[ValueCount]:
    return [
        ValueCount(value=value, contexts=contexts) for value, contexts in counts.by(field).items()
    ]

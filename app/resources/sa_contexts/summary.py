"""`/sa-contexts/summary`: counts of SA contexts by protection and by peer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.api import problems
from app.api.dependencies import ServiceDep, reject_repeated, require_json
from app.api.security import SaReader
from app.api.snapshots import snapshot_of
from app.resources.sa_contexts.counts import SaContextCounts, counts_of
from app.resources.sa_contexts.filters import FIELDS_OF_SUITES
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.sa_contexts.parameters import SummaryQuery
from app.resources.sa_contexts.summary_schema import PeerCount, SaContextSummary, ValueCount
from app.resources.wfp.addresses import address_text
from app.schemas.pages import Snapshot


router = APIRouter(prefix="/sa-contexts", dependencies=[Depends(require_json)])


@router.get(
    "/summary",
    dependencies=[Depends(reject_repeated(SummaryQuery))],
    responses=problems.responses(
        *problems.AUTH_PROBLEMS,
        problems.NOT_ACCEPTABLE,
        problems.INVALID_PARAMETERS,
        *problems.ENGINE_PROBLEMS,
    ),
)
async def summarize_sa_contexts(
    _caller: SaReader,
    query: Annotated[SummaryQuery, Query()],
    service: ServiceDep,
    response: Response,
) -> SaContextSummary:
    """Count the IPsec SA contexts of this host by protection and by peer.

    Each count equals the length of the list that is filtered by the counted value.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    snapshot, counts = await service.listed(SaContextKind).store.counts(query.effective_max_age)
    counts = counts_of(counts)
    return SaContextSummary(
        contexts=counts.contexts,
        without_sa=counts.without_sa,
        with_weakness=counts.with_weakness,
        baseline=service.settings.baseline,
        **{name: _values(counts, name) for name in FIELDS_OF_SUITES},
        peer_count=counts.peer_count,
        peers=[
            PeerCount(remote_address=address_text(peer) or "", contexts=contexts)
            for peer, contexts in counts.peers(query.peers)
        ],
        snapshot=Snapshot.model_validate(snapshot_of(snapshot, service)),
    )


def _values(counts: SaContextCounts, field: str) -> list[ValueCount]:
    return [
        ValueCount(value=value, contexts=contexts) for value, contexts in counts.by(field).items()
    ]

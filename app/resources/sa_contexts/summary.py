"""`/sa-contexts/summary`: counts of SA contexts by protection and by peer.

The peers of a snapshot are sorted and encoded once for all requests, in a thread: there may be
thousands, and a request may ask for a thousand of them.
"""

from __future__ import annotations

from typing import Annotated, Final
from weakref import WeakKeyDictionary

import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from app.api import problems
from app.api.conditional import (
    ETAG,
    NOT_MODIFIED,
    etag_of_snapshot,
    has_etag,
    not_modified,
    validators,
)
from app.api.dependencies import ServiceDep, reject_repeated, require_json
from app.api.media_types import JSON_UTF_8
from app.api.security import SaReader
from app.api.snapshots import snapshot_of
from app.repository.fairness import FairLimiter
from app.resources.sa_contexts.counts import SaContextCounts, counts_of
from app.resources.sa_contexts.filters import FIELDS_OF_SUITES
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.sa_contexts.parameters import MAX_PEERS, SummaryQuery
from app.resources.sa_contexts.summary_schema import SaContextSummary, ValueCount
from app.resources.wfp.addresses import address_text
from app.schemas.pages import Snapshot


_ENCODED_PEERS: Final[WeakKeyDictionary[SaContextCounts, list[bytes]]] = WeakKeyDictionary()
"""The first `MAX_PEERS` of `peers`, as JSON, of each snapshot whose counts still exist."""

router = APIRouter(prefix="/sa-contexts", dependencies=[Depends(require_json)])


@router.get(
    "/summary",
    dependencies=[Depends(reject_repeated(SummaryQuery))],
    response_class=Response,
    responses={
        200: {"model": SaContextSummary, "headers": {"ETag": ETAG}},
        304: {**NOT_MODIFIED},
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.ENGINE_PROBLEMS,
        ),
    },
)
async def summarize_sa_contexts(
    _caller: SaReader,
    query: Annotated[SummaryQuery, Query()],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Count the IPsec SA contexts of this host by protection and by peer.

    Each count equals the length of the list that is filtered by the counted value.
    """
    snapshot, counts = await service.listed(SaContextKind).store.counts(query.effective_max_age)
    etag = etag_of_snapshot(snapshot, f"{snapshot.content_revision}", query.peers)
    if has_etag(request, etag):
        return not_modified(etag, "Accept")
    counts = counts_of(counts)
    peers = await _encoded_peers(counts, service.capacity.filtering)
    summary = SaContextSummary(
        contexts=counts.contexts,
        without_sa=counts.without_sa,
        with_weakness=counts.with_weakness,
        baseline=service.settings.baseline,
        **{name: _values(counts, name) for name in FIELDS_OF_SUITES},
        peer_count=counts.peer_count,
        peers=[],
        snapshot=Snapshot.model_validate(snapshot_of(snapshot, service)),
    )
    members = summary.model_dump(mode="json", by_alias=True)
    members["peers"] = orjson.Fragment(b"[" + b",".join(peers[: query.peers]) + b"]")
    headers = validators(etag, "Accept")
    return Response(orjson.dumps(members), media_type=JSON_UTF_8, headers=headers)


async def _encoded_peers(counts: SaContextCounts, limiter: FairLimiter) -> list[bytes]:
    """Return the JSON of the peers with the most contexts, at most `MAX_PEERS`."""
    encoded = _ENCODED_PEERS.get(counts)
    if encoded is not None:
        return encoded
    async with limiter.seat():
        if counts not in _ENCODED_PEERS:  # nobody encoded them meanwhile
            _ENCODED_PEERS[counts] = await anyio.to_thread.run_sync(_encode_peers, counts)
    return _ENCODED_PEERS[counts]


def _encode_peers(counts: SaContextCounts) -> list[bytes]:
    """Encode peers. Runs in a thread."""
    return [
        orjson.dumps({"remoteAddress": address_text(peer) or "", "contexts": contexts})
        for peer, contexts in counts.peers(MAX_PEERS)
    ]


def _values(counts: SaContextCounts, field: str) -> list[ValueCount]:
    return [
        ValueCount(value=value, contexts=contexts) for value, contexts in counts.by(field).items()
    ]

"""`/peers` and `/peers/events`: the peers of this host, as a list and as a stream of changes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from app.answers.peers.parameters import PeerEventQuery, PeerQuery
from app.answers.peers.part import PeersPart
from app.answers.peers.schema import PeerExportEnd, PeerPage, PeerSummary
from app.answers.visible import (
    AnswerWatcher,
    paginator_for,
    require_failures_scope,
    visible_to,
)
from app.api import problems
from app.api.cursor_fast_path import CursorFastPathRoute
from app.api.dependencies import (
    ServiceDep,
    WantsNdjson,
    reject_repeated,
    require_event_stream,
)
from app.api.lists import answer_list, list_responses
from app.api.parameters import DEFAULT_MAX_AGE
from app.api.security import EventsReader, SaReader
from app.api.sse import LastEventId, stream_responses
from app.api.watched import event_schemas, watch
from app.schemas.names import View


TAG: Final = "Peers"

EVENTS: Final = event_schemas("PeerEvent", "PeerDeleted")

list_router = APIRouter(prefix="/peers", route_class=CursorFastPathRoute)
router = APIRouter(prefix="/peers")


@list_router.get(
    "",
    dependencies=[Depends(reject_repeated(PeerQuery))],
    response_class=Response,
    responses=list_responses(
        PeerPage,
        [PeerSummary],
        PeerExportEnd,
        links={
            "nextPage": {
                "operationId": "list_peers",
                "parameters": {"query.cursor": "$response.body#/nextCursor"},
                "description": "The next page of the same snapshot.",
            },
        },
    ),
)
async def list_peers(
    request: Request,
    caller: SaReader,
    query: Annotated[PeerQuery, Query()],
    is_export: WantsNdjson,
    service: ServiceDep,
) -> Response:
    """List the peers of this host: one item per remote address.

    An item says what is protected with the peer, how well, how much flows, and what failed. The
    list is in order of addresses or, with `sort`, begins with the highest values. All pages of a
    list show one snapshot, with the bytes and failures of the time at which it was made. A sorted
    list whose snapshot has expired cannot be resumed, only restarted.
    """
    require_failures_scope(request, query)
    paginator = paginator_for(caller, service.part(PeersPart), query.cursor)
    return await answer_list(request, query, paginator, service, caller, is_export=is_export)


@router.get(
    "/events",
    dependencies=[Depends(require_event_stream), Depends(reject_repeated(PeerEventQuery))],
    response_class=Response,
    responses=stream_responses(EVENTS, problems.TOO_MANY_SNAPSHOTS),
)
async def watch_peers(
    request: Request,
    caller: EventsReader,
    query: Annotated[PeerEventQuery, Query()],
    service: ServiceDep,
    last_event_id: LastEventId = None,
) -> Response:
    """Watch the peers of this host: additions, modifications and deletions.

    The stream works as that of SA contexts: list and then watch from the list's `snapshot`, or set
    `initial`. Bytes, rates and failure counts make no event, and are not in the events. Main mode
    SAs are read at the interval of periodic refreshes, because the engine does not announce their
    changes.
    """
    require_failures_scope(request, query)
    visible = visible_to(caller, service.part(PeersPart))
    await visible.store.snapshot_at_most(DEFAULT_MAX_AGE)
    return watch(visible, query, View.BASIC, caller, service, last_event_id, watcher=AnswerWatcher)

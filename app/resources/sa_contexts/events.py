"""`/sa-contexts/events`: changes of SA contexts as Server-Sent Events."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from app.api import problems
from app.api.dependencies import ServiceDep, reject_repeated, require_event_stream
from app.api.security import EventsReader
from app.api.sse import LastEventId, stream_responses
from app.api.watched import event_schemas, watch
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.sa_contexts.parameters import EventQuery


router = APIRouter(prefix="/sa-contexts")

EVENTS: Final = event_schemas("SaContextEvent", "SaContextDeleted")


@router.get(
    "/events",
    dependencies=[Depends(require_event_stream), Depends(reject_repeated(EventQuery))],
    response_class=Response,
    responses=stream_responses(EVENTS, problems.TOO_MANY_SNAPSHOTS),
)
async def watch_sa_contexts(
    caller: EventsReader,
    query: Annotated[EventQuery, Query()],
    service: ServiceDep,
    last_event_id: LastEventId = None,
) -> Response:
    """Watch the IPsec SA contexts of this host: additions, modifications and deletions.

    The response is a stream of Server-Sent Events. With `Last-Event-ID` or `since`, the stream
    resumes without a gap if the server's journal covers that position. If the journal does not
    cover it, or no longer covers it, the stream sends `reset`: discard the local state and list
    again. With `initial`, do not list: the stream itself sends all contexts after `reset`, and at
    its beginning if no position is given.

    To get a complete state and all later changes, list and then watch from the list's `snapshot`,
    or set `initial`. The filters of the list apply: a context that starts to match is `added`,
    and a context that no longer matches is `deleted`.
    """
    contexts = service.listed(SaContextKind)
    return watch(contexts, query, query.view, caller, service, last_event_id)

"""`/sa-contexts/events`: changes of SA contexts as Server-Sent Events."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from app.api import problems
from app.api.dependencies import ServiceDep, reject_repeated, require_event_stream
from app.api.security import EventsReader
from app.api.sse import EventStream, LastEventId, stream_responses
from app.repository.changes.journal import Position, parse_event_id
from app.repository.changes.watcher import Watcher
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.sa_contexts.parameters import EventQuery


router = APIRouter(prefix="/sa-contexts")

UNKNOWN_POSITION: Final = ("", Position(0))
"""A position that is in no journal, so that the stream begins with `reset`."""

EVENTS: Final = {
    "added": "SaContextEvent",
    "modified": "SaContextEvent",
    "deleted": "SaContextDeleted",
    "snapshot_end": "StreamPosition",
    "reset": "StreamPosition",
    "bookmark": "StreamPosition",
    "reconnect": "StreamEnd",
}
"""The schema of each event's data."""


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
    after = None
    if last_event_id:
        after = parse_event_id(last_event_id) or UNKNOWN_POSITION
    elif query.since is not None:
        after = parse_event_id(query.since)
    contexts = service.listed(SaContextKind)
    watcher = Watcher(
        contexts.store,
        contexts.feeds.get(query.selection, query.view),
        contexts.paginator.match_cache,
        after=after,
        is_initial=query.initial,
    )
    return EventStream(
        watcher, service.streams, partial(service.credentials.is_still_valid, caller)
    )

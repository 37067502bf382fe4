"""`/net-events`: recent IKE failures and packets dropped by IPsec, explained."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Response

from app.api import problems
from app.api.dependencies import ServiceDep, reject_repeated, require_event_stream, require_json
from app.api.errors import to_problem
from app.api.media_types import JSON_UTF_8
from app.api.security import DiagnosticsReader
from app.api.sse import EventStream, LastEventId, stream_responses
from app.api.streaming import PiecesResponse
from app.resources.net_events.buffer import EventId, NetEventSlice
from app.resources.net_events.collector import NetEventCollector
from app.resources.net_events.names import Collection
from app.resources.net_events.parameters import NetEventQuery, NetEventStreamQuery, read_event_id
from app.resources.net_events.schema import NetEventPage
from app.resources.net_events.watcher import NetEventWatcher
from app.service import Service
from bindings.errors import NetEventsDisabled


HEAD: Final = b'{"items":['
HOW_TO_ENABLE: Final = (
    "As an administrator, run `netsh wfp set options netevents=on` on the host "
    "(FWPM_ENGINE_COLLECT_NET_EVENTS); it stays on."
)
UNKNOWN_EVENT: Final = EventId("", 0)
"""An id that no event has, so that the stream begins with `reset`."""

EVENTS: Final = {
    "net_event": "NetEvent",
    "reset": "NetEventPosition",
    "bookmark": "NetEventPosition",
    "reconnect": "StreamEnd",
}
"""The schema of each event's data."""

TAG: Final = "Net events"

router = APIRouter(prefix="/net-events", tags=[TAG])


@router.get(
    "",
    dependencies=[Depends(require_json), Depends(reject_repeated(NetEventQuery))],
    response_class=Response,
    responses={
        200: {
            "model": NetEventPage,
            "headers": {
                "Link": {
                    "description": 'The next page, as `<…>; rel="next"`; absent on the last.',
                    "schema": {"type": "string"},
                }
            },
            "links": {
                "failure": {
                    "operationId": "get_failure",
                    "parameters": {"path.code": "$response.body#/items/0/error/code"},
                    "description": "The explanation of an event's error for every side, with its "
                    "sources.",
                }
            },
        },
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            problems.NOT_SUPPORTED_BY_ENGINE,
            *problems.ENGINE_PROBLEMS,
        ),
    },
)
async def list_net_events(
    _caller: DiagnosticsReader, query: Annotated[NetEventQuery, Query()], service: ServiceDep
) -> Response:
    """List recent failures with explanations, newest first.

    The list contains failures of IKE in main mode, quick mode and extended mode, and packets that
    IPsec dropped. The server keeps a bounded number of the latest events. When it connects to the
    engine, it reads the stored events. After that, it receives new events as they occur. To get the
    next page, follow `nextCursor` or the `Link` header; if both are absent, the list is complete.
    """
    found = await service.part(NetEventCollector).select(query.selection, query.limit)
    items = b",".join([event.json for event in found.events])
    end = b"]," + orjson.dumps(_about(found, service))[1:]
    body = HEAD + items + end
    response = PiecesResponse([body], JSON_UTF_8, len(body))
    response.headers["Cache-Control"] = "no-store"
    if found.next_cursor is not None:
        response.headers["Link"] = f'<{query.link(found.next_cursor)}>; rel="next"'
    return response


@router.get(
    "/events",
    dependencies=[Depends(require_event_stream), Depends(reject_repeated(NetEventStreamQuery))],
    response_class=Response,
    responses=stream_responses(EVENTS, problems.NOT_SUPPORTED_BY_ENGINE),
)
async def watch_net_events(
    caller: DiagnosticsReader,
    query: Annotated[NetEventStreamQuery, Query()],
    service: ServiceDep,
    last_event_id: LastEventId = None,
) -> Response:
    """Watch failures with explanations, as they are reported.

    The response is a stream of Server-Sent Events, with a `net_event` for each failure. With
    `Last-Event-ID` or `since`, the stream resumes if the server still has all later events. If
    the server does not have them, or the id belongs to another epoch, the stream sends `reset`:
    list again. Without an id, the stream begins with the next failure.
    """
    after = None if query.since is None else read_event_id(query.since)
    if last_event_id:
        after = read_event_id(last_event_id) or UNKNOWN_EVENT
    watcher = NetEventWatcher(service.part(NetEventCollector), query.selection, after)
    return EventStream(
        watcher, service.streams, partial(service.credentials.is_still_valid, caller)
    )


def _about(found: NetEventSlice, service: Service) -> dict[str, Any]:
    """Return the members of `NetEventPage` other than the items."""
    net_events = service.part(NetEventCollector)
    collection, error = net_events.collection, net_events.subscription_error
    about: dict[str, Any] = {}
    if found.next_cursor is not None:
        about["nextCursor"] = str(found.next_cursor)
    about["missed"] = found.missed
    about["collection"] = collection.value
    if collection is Collection.DISABLED:
        about["howToEnable"] = HOW_TO_ENABLE
    about["subscription"] = net_events.subscription_state.value
    if error is None or isinstance(error, NetEventsDisabled):  # `collection` reports the latter
        about["reasons"] = []
    else:
        about["reasons"] = [_reason(error)]
    about["host"] = service.host
    about["engine"] = service.library.kind.value
    return about


def _reason(error: Exception) -> dict[str, Any]:
    """Return an error as a `NotReadyReason` object."""
    problem = to_problem(error)
    return {"code": problem.kind.code, "detail": problem.detail} | {
        name: problem.members[name]
        for name in ("winError", "winErrorHex", "winErrorName", "function")
        if name in problem.members
    }

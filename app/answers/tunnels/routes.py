"""`/tunnels`: the configured tunnels of this host, as a list, one by one, and as a stream."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.answers.tunnels.configured import number_of_key
from app.answers.tunnels.parameters import (
    TunnelEventQuery,
    TunnelKey,
    TunnelQuery,
)
from app.answers.tunnels.part import TunnelsPart
from app.answers.tunnels.schema import Tunnel, TunnelExportEnd, TunnelPage
from app.answers.visible import (
    AnswerWatcher,
    paginator_for,
    require_failures_scope,
    visible_to,
)
from app.api import problems
from app.api.conditional import conditional_response
from app.api.cursor_fast_path import CursorFastPathRoute
from app.api.dependencies import (
    ServiceDep,
    WantsNdjson,
    reject_query,
    reject_repeated,
    require_event_stream,
    require_json,
)
from app.api.items import item_responses
from app.api.lists import answer_list, list_responses
from app.api.parameters import DEFAULT_MAX_AGE
from app.api.problems import ProblemError
from app.api.security import EventsReader, SaReader
from app.api.sse import LastEventId, stream_responses
from app.api.watched import event_schemas, watch
from app.schemas.names import View


TAG: Final = "Tunnels"

EVENTS: Final = event_schemas("TunnelEvent", "TunnelDeleted")

NOT_FOUND: Final = problems.declare(
    "tunnel_not_found",
    404,
    "There is no such tunnel",
    "No tunnel's policy has this key. A rule that is changed may get new policies, and some "
    "programs configure a tunnel only while it is connected.",
)

list_router = APIRouter(prefix="/tunnels", route_class=CursorFastPathRoute)
router = APIRouter(prefix="/tunnels")


@list_router.get(
    "",
    dependencies=[Depends(reject_repeated(TunnelQuery))],
    response_class=Response,
    responses=list_responses(
        TunnelPage,
        [Tunnel],
        TunnelExportEnd,
        links={
            "nextPage": {
                "operationId": "list_tunnels",
                "parameters": {"query.cursor": "$response.body#/nextCursor"},
                "description": "The next page of the same snapshot.",
            },
            "firstTunnel": {
                "operationId": "get_tunnel",
                "parameters": {
                    "path.providerContextKey": "$response.body#/items/0/providerContextKey"
                },
                "description": "The current state of the first item of the page.",
            },
        },
    ),
)
async def list_tunnels(
    request: Request,
    caller: SaReader,
    query: Annotated[TunnelQuery, Query()],
    is_export: WantsNdjson,
    service: ServiceDep,
) -> Response:
    """List the tunnels that this host's policy configures, whether they are up or not.

    The list is in order of the policies' keys. It contains the tunnels of connection security
    rules, and those of RRAS and VPN connections. It is not verified whether such connections keep
    their policies while they are disconnected: name their peers in the setting `expected_peers`, so
    that `/peers` shows that they are down.
    """
    require_failures_scope(request, query)
    paginator = paginator_for(caller, service.part(TunnelsPart), query.cursor)
    return await answer_list(request, query, paginator, service, caller, is_export=is_export)


@router.get(
    "/events",
    dependencies=[Depends(require_event_stream), Depends(reject_repeated(TunnelEventQuery))],
    response_class=Response,
    responses=stream_responses(EVENTS, problems.TOO_MANY_SNAPSHOTS),
)
async def watch_tunnels(
    request: Request,
    caller: EventsReader,
    query: Annotated[TunnelEventQuery, Query()],
    service: ServiceDep,
    last_event_id: LastEventId = None,
) -> Response:
    """Watch the tunnels of this host: additions, modifications and deletions.

    The stream works like that of SA contexts: list and then watch from the list's `snapshot`, or
    set `initial`. A change of state is sent as soon as it is found, but at most four times a minute
    for each tunnel (`isFlapping`). Counts, bytes, rates and `lastFailure` make no event, and
    are not in the events.
    """
    require_failures_scope(request, query)
    visible = visible_to(caller, service.part(TunnelsPart))
    await visible.store.snapshot_at_most(DEFAULT_MAX_AGE)
    return watch(visible, query, View.BASIC, caller, service, last_event_id, watcher=AnswerWatcher)


@router.get(
    "/{providerContextKey}",
    dependencies=[Depends(require_json), Depends(reject_query)],
    response_class=Response,
    responses=item_responses(Tunnel, NOT_FOUND, links={}),
)
async def get_tunnel(
    request: Request,
    caller: SaReader,
    key: Annotated[
        TunnelKey,
        Path(alias="providerContextKey", description="The key of the tunnel's policy, a GUID."),
    ],
    service: ServiceDep,
) -> Response:
    """Get one tunnel, as the list shows it."""
    snapshot = await visible_to(caller, service.part(TunnelsPart)).store.snapshot_at_most(
        DEFAULT_MAX_AGE
    )
    position = snapshot.position_of(number_of_key(key))
    if position is None:
        raise ProblemError(NOT_FOUND, f"There is no tunnel with the key {key}.")
    return conditional_response(request, snapshot.blocks[position])

"""`/connections`: the IPsec connections of this host, as lists and one by one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.api import problems
from app.api.cursor_fast_path import WalkRoute
from app.api.dependencies import (
    ServiceDep,
    WantsNdjson,
    accepts_json,
    given_once,
    takes_no_parameters,
)
from app.api.items import answer_item, item_responses
from app.api.lists import answer_list, list_responses
from app.api.parameters import (
    AddressParameter,
    ListQuery,
    SubnetParameter,
    Uint64Parameter,
    filter_,
)
from app.api.security import SaReader
from app.repository.connections import ConnectionSelection
from app.repository.query.filters import Selection
from app.schemas.connections import Connection, ConnectionExportEnd, ConnectionPage
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IpVersion,
    KeyModule,
    TrafficType,
)


PREFIX: Final = "/connections"

lists = APIRouter(prefix=PREFIX, route_class=WalkRoute)
items = APIRouter(prefix=PREFIX, dependencies=[Depends(accepts_json), Depends(takes_no_parameters)])


class ConnectionQuery(ListQuery):
    """What `GET /connections` takes.

    A connection is shown when it meets all filters. A filter given several
    times means any of its values.
    """

    SELECTION: ClassVar[type[Selection]] = ConnectionSelection

    local_subnet: list[SubnetParameter] = filter_(
        "The local address is on this subnet; in tunnel mode, the tunnel's end."
    )
    remote_subnet: list[SubnetParameter] = filter_("The same for the remote address.")
    local_address: list[AddressParameter] = filter_("The local address.")
    remote_address: list[AddressParameter] = filter_("The remote address.")
    ip_version: list[IpVersion] = filter_("In tunnel mode, that of the outer header.")
    traffic_type: list[TrafficType] = filter_("Transport or tunnel mode.")
    key_module: list[KeyModule] = filter_("What negotiated it: IKE, AuthIP or IKEv2.")
    cipher: list[IkeCipher] = filter_("What encrypts the negotiation, not the traffic.")
    integrity: list[IkeIntegrity] = filter_("What authenticates the negotiation's messages.")
    dh_group: list[DhGroup] = filter_("The group of the key exchange.")
    authentication_method: list[AuthenticationMethod] = filter_(
        "How the peer proved who it is, in main mode or in extended mode."
    )


@lists.get(
    "",
    dependencies=[Depends(given_once)],
    response_class=Response,
    responses=list_responses(
        ConnectionPage,
        Connection,
        ConnectionExportEnd,
        links={
            "nextPage": {
                "operationId": "list_connections",
                "parameters": {"query.cursor": "$response.body#/nextCursor"},
                "description": "The next page of the same snapshot.",
            },
            "firstConnection": {
                "operationId": "get_connection",
                "parameters": {"path.connectionId": "$response.body#/items/0/connectionId"},
                "description": "The first connection of the page, as it is now.",
            },
        },
    ),
)
async def list_connections(
    caller: SaReader,
    query: Annotated[ConnectionQuery, Query()],
    is_export: WantsNdjson,
    service: ServiceDep,
) -> Response:
    """List the IPsec connections of this host, with the bytes that they carried.

    In ascending order of their id; they are walked through as SA contexts are. The
    engine asks the IPsec driver for the bytes when the snapshot is taken.
    `monitoring` says whether it keeps track of connections at all, which is not the
    case unless an administrator wanted it; this server does not switch it on.
    """
    return await answer_list(query, service.connections.lists, service, caller, is_export=is_export)


@items.get(
    "/{connectionId}",
    response_class=Response,
    responses=item_responses(
        Connection,
        problems.CONNECTION_NOT_FOUND,
        links={
            "saContexts": {
                "operationId": "list_sa_contexts",
                "parameters": {
                    "query.localAddress": "$response.body#/localAddress",
                    "query.remoteAddress": "$response.body#/remoteAddress",
                    "query.trafficType": "$response.body#/ipsecTrafficModeType",
                },
                "description": "The SA contexts that protect it; inferred from the same two ends "
                "and the same mode, for the engine gives no id in common.",
            },
        },
    ),
)
async def get_connection(
    _caller: SaReader,
    connection_id: Annotated[
        Uint64Parameter,
        Path(alias="connectionId", description="The `connectionId`, a 64-bit number in decimal."),
    ],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Get one IPsec connection, with its bytes as of this moment."""
    return await answer_item(
        request,
        connection_id,
        service.connections.store,
        service,
        problems.CONNECTION_NOT_FOUND,
    )


router = APIRouter(tags=["Connections"])
for part in (lists, items):
    router.include_router(part)

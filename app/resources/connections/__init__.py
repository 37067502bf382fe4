"""IPsec connections: the bytes transferred between two hosts by successive SAs."""

from __future__ import annotations

from typing import Final

from app.api import problems
from app.api.listed import Listed, listed_router
from app.api.resource import Resource
from app.resources.connections.kind import ConnectionKind
from app.resources.connections.metrics import add_metrics
from app.resources.connections.parameters import ConnectionQuery
from app.resources.connections.schema import Connection, ConnectionExportEnd, ConnectionPage
from app.resources.wfp.actions import enumeration
from app.service import start_on_demand
from bindings.connections import Connections


TAG: Final = "Connections"

NOT_FOUND: Final = problems.declare(
    "connection_not_found",
    404,
    "There is no such connection",
    "The engine has no connection with this id. A connection ends with its last SA and when the "
    "Base Filtering Engine restarts. The engine has connections only while it tracks them, as "
    "`monitoring` of `/connections` reports; an administrator of the host can enable that with "
    "`sa-contexts service enable-connection-monitoring`.",
)

LISTED: Final = Listed(
    kind=ConnectionKind,
    plural="connections",
    singular="connection",
    query=ConnectionQuery,
    item=Connection,
    page=ConnectionPage,
    export_end=ConnectionExportEnd,
    item_id="connectionId",
    not_found=NOT_FOUND,
    list_description="""List the IPsec connections of this host, with the bytes transferred.

    The list is in ascending order of id; pagination works as for SA contexts. The byte
    counts are those of the time at which the snapshot was taken. `monitoring` says whether the
    engine tracks connections; if not, the list is empty. An administrator of the host can enable
    this with `sa-contexts service enable-connection-monitoring`; the server never does.
    """,
    item_description="Get one IPsec connection, with its current byte counts.",
    item_links={
        "saContexts": {
            "operationId": "list_sa_contexts",
            "parameters": {
                "query.localAddress": "$response.body#/localAddress",
                "query.remoteAddress": "$response.body#/remoteAddress",
                "query.trafficType": "$response.body#/ipsecTrafficModeType",
            },
            "description": "The SA contexts that protect the connection; inferred from endpoints "
            "and mode, because connections and SA contexts have no common id.",
        },
    },
)

RESOURCE: Final = Resource(
    tag=TAG,
    description="The IPsec traffic between two hosts, in bytes, across successive SAs.",
    router=listed_router(LISTED, TAG),
    key=ConnectionKind,
    start=lambda foundation: start_on_demand(ConnectionKind(), foundation),
    stream_shapes=(ConnectionExportEnd,),
    add_metrics=add_metrics,
    actions=(enumeration("read_connections", "connections", "connections", Connections),),
    features={"connections": ("FwpmConnectionCreateEnumHandle0", "FwpmConnectionEnum0")},
)

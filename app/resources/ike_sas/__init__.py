"""Main mode SAs: the SAs that protect the negotiations of IKE and AuthIP themselves."""

from __future__ import annotations

from typing import Final

from app.api import problems
from app.api.listed import Listed, listed_router
from app.api.resource import Resource
from app.resources.ike_sas.kind import IkeSaKind
from app.resources.ike_sas.parameters import IkeSaQuery
from app.resources.ike_sas.schema import IkeSa, IkeSaExportEnd, IkeSaPage
from app.resources.wfp.actions import IKE_DATABASE, enumeration
from app.service import start_on_demand
from bindings.ike_sas import IkeSas


TAG: Final = "Main mode SAs"

NOT_FOUND: Final = problems.declare(
    "ike_sa_not_found",
    404,
    "There is no such main mode SA",
    "The engine has no main mode SA with this id. A main mode SA ends at the end of its lifetime "
    "and when the Base Filtering Engine restarts; the SA contexts it negotiated may outlive it.",
)

LISTED: Final = Listed(
    kind=IkeSaKind,
    plural="ike_sas",
    singular="ike_sa",
    query=IkeSaQuery,
    item=IkeSa,
    page=IkeSaPage,
    export_end=IkeSaExportEnd,
    item_id="saId",
    not_found=NOT_FOUND,
    list_description="""List the main mode SAs of this host, in ascending order of their id.

    Pagination works as for SA contexts. A main mode SA negotiates quick mode SAs;
    `mmSaId` of an SA bundle is the `saId` of the main mode SA that negotiated it.
    """,
    item_description="Get one main mode SA, read from the engine for this request.",
    item_links={
        "saContexts": {
            "operationId": "list_sa_contexts",
            "parameters": {"query.mmSaId": "$response.body#/saId"},
            "description": "The SA contexts that this main mode SA negotiated.",
        },
    },
)

RESOURCE: Final = Resource(
    tag=TAG,
    description="The SAs of IKE and AuthIP themselves, which negotiate all other SAs.",
    router=listed_router(LISTED, TAG),
    key=IkeSaKind,
    start=lambda foundation: start_on_demand(IkeSaKind(foundation.settings.baseline), foundation),
    stream_shapes=(IkeSaExportEnd,),
    actions=(enumeration("read_ike_sas", "main mode SAs", IKE_DATABASE, IkeSas),),
    features={
        "main mode SAs": ("IkeextSaCreateEnumHandle0", "IkeextSaEnum0"),
        "main mode SAs in full": ("IkeextSaEnum2",),
    },
)

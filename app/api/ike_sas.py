"""`/ike-sas`: the main mode SAs of this host, as lists and one by one."""

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
from app.repository.ike_sas import IkeSaSelection
from app.repository.query.filters import Selection
from app.schemas.ike_sas import IkeSa, IkeSaExportEnd, IkeSaPage
from app.schemas.names import (
    AuthenticationMethod,
    DhGroup,
    IkeCipher,
    IkeIntegrity,
    IpVersion,
    KeyModule,
)


PREFIX: Final = "/ike-sas"

lists = APIRouter(prefix=PREFIX, route_class=WalkRoute)
items = APIRouter(prefix=PREFIX, dependencies=[Depends(accepts_json), Depends(takes_no_parameters)])


class IkeSaQuery(ListQuery):
    """What `GET /ike-sas` takes.

    A main mode SA is shown when it meets all filters. A filter given several
    times means any of its values.
    """

    SELECTION: ClassVar[type[Selection]] = IkeSaSelection

    local_subnet: list[SubnetParameter] = filter_("The local address is on this subnet.")
    remote_subnet: list[SubnetParameter] = filter_("The same for the remote address.")
    local_address: list[AddressParameter] = filter_("The local address.")
    remote_address: list[AddressParameter] = filter_("The remote address.")
    ip_version: list[IpVersion] = filter_("Of the addresses.")
    key_module: list[KeyModule] = filter_("What negotiated the SA: IKE, AuthIP or IKEv2.")
    cipher: list[IkeCipher] = filter_("What encrypts the negotiation.")
    integrity: list[IkeIntegrity] = filter_("What authenticates its messages.")
    dh_group: list[DhGroup] = filter_("The group of the key exchange.")
    authentication_method: list[AuthenticationMethod] = filter_(
        "How one of the two sides proved who it is, in main mode or in extended mode."
    )


@lists.get(
    "",
    dependencies=[Depends(given_once)],
    response_class=Response,
    responses=list_responses(
        IkeSaPage,
        IkeSa,
        IkeSaExportEnd,
        links={
            "nextPage": {
                "operationId": "list_ike_sas",
                "parameters": {"query.cursor": "$response.body#/nextCursor"},
                "description": "The next page of the same snapshot.",
            },
            "firstIkeSa": {
                "operationId": "get_ike_sa",
                "parameters": {"path.saId": "$response.body#/items/0/saId"},
                "description": "The first main mode SA of the page, as it is now.",
            },
        },
    ),
)
async def list_ike_sas(
    caller: SaReader,
    query: Annotated[IkeSaQuery, Query()],
    is_export: WantsNdjson,
    service: ServiceDep,
) -> Response:
    """List the main mode SAs of this host, in ascending order of their id.

    They are walked through as SA contexts are. A main mode SA is what negotiated
    the SAs of quick mode: `mmSaId` of a bundle is its `saId`.
    """
    return await answer_list(query, service.ike_sas.lists, service, caller, is_export=is_export)


@items.get(
    "/{saId}",
    response_class=Response,
    responses=item_responses(
        IkeSa,
        problems.IKE_SA_NOT_FOUND,
        links={
            "saContexts": {
                "operationId": "list_sa_contexts",
                "parameters": {"query.mmSaId": "$response.body#/saId"},
                "description": "The SA contexts that it negotiated.",
            },
        },
    ),
)
async def get_ike_sa(
    _caller: SaReader,
    sa_id: Annotated[
        Uint64Parameter, Path(alias="saId", description="The `saId`, a 64-bit number in decimal.")
    ],
    request: Request,
    service: ServiceDep,
) -> Response:
    """Get one main mode SA, as the engine has it at this moment."""
    return await answer_item(
        request, sa_id, service.ike_sas.store, service, problems.IKE_SA_NOT_FOUND
    )


router = APIRouter(tags=["Main mode SAs"])
for part in (lists, items):
    router.include_router(part)

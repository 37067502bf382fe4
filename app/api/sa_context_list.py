"""`/sa-contexts`: the SA contexts of this host, page by page, or all in one stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.api.cursor_fast_path import WalkRoute
from app.api.dependencies import ServiceDep, WantsNdjson, given_once
from app.api.lists import answer_list, list_responses
from app.api.sa_context_parameters import SaContextQuery
from app.api.security import SaReader
from app.schemas.sa_contexts import SaContext, SaContextExportEnd, SaContextPage


router = APIRouter(prefix="/sa-contexts", tags=["SA contexts"], route_class=WalkRoute)

RESPONSES = list_responses(
    SaContextPage,
    SaContext,
    SaContextExportEnd,
    links={
        "nextPage": {
            "operationId": "list_sa_contexts",
            "parameters": {"query.cursor": "$response.body#/nextCursor"},
            "description": "The next page of the same snapshot.",
        },
        "firstContext": {
            "operationId": "get_sa_context",
            "parameters": {"path.saContextId": "$response.body#/items/0/saContextId"},
            "description": "The first context of the page, as it is now.",
        },
    },
)


@router.get("", dependencies=[Depends(given_once)], response_class=Response, responses=RESPONSES)
async def list_sa_contexts(
    caller: SaReader,
    query: Annotated[SaContextQuery, Query()],
    is_export: WantsNdjson,
    service: ServiceDep,
) -> Response:
    """List the IPsec SA contexts of this host, in ascending order of their id.

    All pages of one walk show the same snapshot. Follow `nextCursor` or the
    `Link` header; when both are absent, the list is complete. As
    `application/x-ndjson` the whole list is streamed, one context a line.
    """
    return await answer_list(query, service.sa_contexts.lists, service, caller, is_export=is_export)

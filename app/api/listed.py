"""Routes of a listed resource, built from its declaration: list, export and items.

This module must not import `annotations` from `__future__`: the endpoints are closures, so FastAPI
could not resolve annotations that are strings.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.api.cursor_fast_path import CursorFastPathRoute
from app.api.dependencies import (
    ServiceDep,
    WantsNdjson,
    reject_query,
    reject_repeated,
    require_json,
)
from app.api.items import answer_item, item_responses
from app.api.lists import answer_list, list_responses
from app.api.parameters import IdInPath, ListQuery
from app.api.problems import ProblemKind
from app.api.security import SaReader
from app.repository.resource import ResourceKind
from app.schemas.base import Shape
from app.schemas.names import View


async def full_view(request: Request) -> View:
    """Reject any query and return `View.FULL`.

    Raises:
        ProblemError: 422.
    """
    await reject_query(request)
    return View.FULL


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The declaration of one listed resource.

    Attributes:
        kind: reads, indexes and encodes the objects.
        plural: the name of the list in operation ids (`list_ike_sas`) and, with hyphens, in paths.
        singular: the name of an object in operation ids (`get_ike_sa`).
        query: the parameters of the list.
        item: the shape of an object.
        page: the shape of a page.
        export_end: the shape of the last line of an export.
        item_id: the name of the id, both in the path and in an object.
        not_found: the problem if no object has the id.
        list_description: the list's description in the OpenAPI document.
        item_description: the item's description in the OpenAPI document.
        item_links: OpenAPI links from an item to other operations.
        summary: the shape of an object with `view=summary`; None: the resource has no views.
        summary_page: the shape of a page with `view=summary`; None: as above.
        item_view: the dependency that returns the requested view of an item.
    """

    kind: type[ResourceKind]
    plural: str
    singular: str
    query: type[ListQuery]
    item: type[Shape]
    page: type[Shape]
    export_end: type[Shape]
    item_id: str
    not_found: ProblemKind
    list_description: str
    item_description: str
    item_links: Mapping[str, Any] = field(default_factory=dict)
    summary: type[Shape] | None = None
    summary_page: type[Shape] | None = None
    item_view: Callable[..., Coroutine[Any, Any, View]] = full_view

    @property
    def path(self) -> str:
        """The path of the list."""
        return "/" + self.plural.replace("_", "-")


def listed_router(listed: Listed, tag: str, *between: APIRouter) -> APIRouter:
    """Return the routes of a listed resource.

    Args:
        listed: the declaration.
        tag: the tag of the operations in the OpenAPI document.
        between: further routers; they precede the item route, which would match their paths.
    """
    router = APIRouter(tags=[tag])
    for part in (_list_route(listed), *between, _item_route(listed)):
        router.include_router(part)
    return router


def _list_route(listed: Listed) -> APIRouter:
    async def list_objects(
        caller: SaReader,
        query: Annotated[listed.query, Query()],  # type: ignore[name-defined]  # a run-time value
        is_export: WantsNdjson,
        request: Request,
        service: ServiceDep,
    ) -> Response:
        paginator = service.listed(listed.kind).paginator
        return await answer_list(request, query, paginator, service, caller, is_export=is_export)

    operation = f"list_{listed.plural}"
    router = APIRouter(route_class=CursorFastPathRoute)
    router.add_api_route(
        listed.path,
        list_objects,
        name=operation,
        description=listed.list_description,
        dependencies=[Depends(reject_repeated(listed.query))],
        response_class=Response,
        responses=list_responses(
            listed.page,
            [shape for shape in (listed.item, listed.summary) if shape],
            listed.export_end,
            links={
                "nextPage": {
                    "operationId": operation,
                    "parameters": {"query.cursor": "$response.body#/nextCursor"},
                    "description": "The next page of the same snapshot.",
                },
                f"first{listed.item.__name__}": {
                    "operationId": f"get_{listed.singular}",
                    "parameters": {
                        f"path.{listed.item_id}": f"$response.body#/items/0/{listed.item_id}"
                    },
                    "description": "The current state of the first item of the page.",
                },
            },
            summary_page=listed.summary_page,
        ),
    )
    return router


def _item_route(listed: Listed) -> APIRouter:
    async def get_object(
        _caller: SaReader,
        object_id: Annotated[
            IdInPath,
            Path(
                alias=listed.item_id,
                description=f"The `{listed.item_id}`, a 64-bit decimal number.",
            ),
        ],
        view: Annotated[View, Depends(listed.item_view)],
        request: Request,
        service: ServiceDep,
    ) -> Response:
        store = service.listed(listed.kind).store
        return await answer_item(request, object_id, view, store, service, listed.not_found)

    router = APIRouter(dependencies=[Depends(require_json)])
    router.add_api_route(
        f"{listed.path}/{{{listed.item_id}}}",
        get_object,
        name=f"get_{listed.singular}",
        description=listed.item_description,
        response_class=Response,
        responses=item_responses(
            listed.item,
            listed.not_found,
            links=dict(listed.item_links),
            summary=listed.summary,
        ),
    )
    return router

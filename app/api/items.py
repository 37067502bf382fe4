"""Single objects of any listed resource, read from the engine by their id."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import Request, Response

from app.api import problems
from app.api.conditional import ETAG, NOT_MODIFIED, conditional_response
from app.api.problems import ProblemError, ProblemKind
from app.repository.store import Store
from app.schemas.base import Shape
from app.schemas.names import View
from app.service import Service
from bindings.errors import EngineError, NotFound


def summary_schema(shape: type[Shape] | None) -> dict[str, Any]:
    """Return the OpenAPI content of a response that has another shape with `view=summary`.

    A union of both shapes would change the types of generated clients.

    Args:
        shape: the other shape; None: there is none.
    """
    if shape is None:
        return {}
    reference = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {"application/json": {"x-summarySchema": reference}}


def item_responses(
    item: type[Shape],
    missing: ProblemKind,
    links: dict[str, Any],
    summary: type[Shape] | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of an item.

    Args:
        item: the shape of the item.
        missing: the problem if the item does not exist.
        links: OpenAPI links to other operations.
        summary: the shape of the item with `view=summary`; None: there is no such view.
    """
    return {
        200: {
            "model": item,
            "content": summary_schema(summary),
            "headers": {"ETag": ETAG},
            "links": links,
        },
        304: {**NOT_MODIFIED},
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            missing,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.ENGINE_PROBLEMS,
        ),
    }


async def answer_item(
    request: Request, id_: int, view: View, store: Store, service: Service, missing: ProblemKind
) -> Response:
    """Answer a request for one item with its current state, read from the engine.

    Args:
        request: the request, for its conditional headers.
        id_: the id of the item.
        view: how much of the item to show.
        store: the store of the resource.
        service: the service, which provides the engine and the timeout.
        missing: the problem if the item does not exist.

    Raises:
        ProblemError: the item does not exist.
        EngineError: the engine returned an error.
        EngineBusy: another thread held the session for too long.
        EngineTimedOut: the engine did not answer in time.
        ShuttingDown: the server is stopping.
    """
    try:
        body = await _read(id_, store, service)
    except EngineError as error:
        if isinstance(error, NotFound) or store.kind.reason_if_empty(error) is not None:
            raise ProblemError(missing, f"The engine has no object with the id {id_}.") from None
        raise
    return conditional_response(request, store.kind.in_view(body, view))


async def _read(id_: int, store: Store, service: Service) -> bytes:
    kind = store.kind
    return await service.engine_calls.run((kind, id_), partial(kind.read_json, service.engine, id_))

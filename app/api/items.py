"""Single objects of any listed resource, read from the engine by their id."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from fastapi import Request, Response

from app.api import problems
from app.api.conditional import conditional_response
from app.api.problems import ProblemError, ProblemKind
from app.repository.store import Store
from app.schemas.base import Shape
from app.service import Service
from bindings.errors import EngineError, NotFound


ETAG: Final = {
    "description": "A weak entity tag for `If-None-Match`; it changes when the item changes.",
    "schema": {"type": "string"},
}


def item_responses(
    item: type[Shape], missing: ProblemKind, links: dict[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of an item.

    Args:
        item: the shape of the item.
        missing: the problem if the item does not exist.
        links: OpenAPI links to other operations.
    """
    return {
        200: {"model": item, "headers": {"ETag": ETAG}, "links": links},
        304: {
            "description": "Not Modified: `If-None-Match` names the current `ETag`.",
            "headers": {"ETag": ETAG},
        },
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            missing,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.ENGINE_PROBLEMS,
        ),
    }


async def answer_item(
    request: Request, id_: int, store: Store, service: Service, missing: ProblemKind
) -> Response:
    """Answer a request for one item with its current state, read from the engine.

    Args:
        request: the request, for its conditional headers.
        id_: the id of the item.
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
    return conditional_response(request, body)


async def _read(id_: int, store: Store, service: Service) -> bytes:
    kind = store.kind
    return await service.engine_calls.run((kind, id_), partial(kind.read_json, service.engine, id_))

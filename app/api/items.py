"""Single items of whatever kind, by their id."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import anyio.to_thread
from fastapi import Request, Response

from app.api import problems
from app.api.conditional import conditional_response
from app.api.problems import ProblemError, ProblemKind
from app.repository.store import Store
from app.schemas.base import Shape
from app.service import Service
from bindings.errors import EngineError, NotFound


ETAG: Final = {
    "description": "For `If-None-Match`: the same as long as the item is.",
    "schema": {"type": "string"},
}


def item_responses(
    item: type[Shape], missing: ProblemKind, links: dict[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of an item.

    Args:
        item: what it answers with.
        missing: that there is no such item.
        links: to other operations.
    """
    return {
        200: {"model": item, "headers": {"ETag": ETAG}, "links": links},
        304: {"description": "Not Modified: as `If-None-Match` has it.", "headers": {"ETag": ETAG}},
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
    """The answer to a request for one item, read from the engine at this moment.

    Args:
        request: whose conditions are looked at.
        id_: of the item.
        store: of its kind.
        service: whose engine is read.
        missing: the problem where there is no such item.

    Raises:
        ProblemError: that one.
        EngineError, EngineTimedOut: the engine refused, or did not answer in time.
        ShuttingDown: the server stops.
    """
    try:
        text = await _read(id_, store, service)
    except EngineError as error:
        if isinstance(error, NotFound) or store.kind.reason_if_empty(error) is not None:
            raise ProblemError(missing, f"The engine has none of the id {id_}.") from None
        raise
    return conditional_response(request, text)


async def _read(id_: int, store: Store, service: Service) -> bytes:
    return await service.deadline.run(
        partial(
            anyio.to_thread.run_sync,
            store.kind.read_json,
            service.engine,
            id_,
            abandon_on_cancel=True,
            limiter=service.point_read_limiter,
        )
    )

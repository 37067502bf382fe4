"""`/sa-contexts/ended`: the SA contexts that have ended, and why."""

from __future__ import annotations

from typing import Annotated, Any, Final

import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Query, Response

from app.answers.ended.parameters import EndedQuery
from app.answers.ended.recorder import EndedContexts
from app.answers.ended.schema import EndedSaContextPage
from app.api import problems
from app.api.dependencies import ServiceDep, reject_repeated, require_json
from app.api.media_types import JSON_UTF_8
from app.api.security import SaReader
from app.api.streaming import PiecesResponse


TAG: Final = "Ended SA contexts"

router = APIRouter(prefix="/sa-contexts", tags=[TAG])


@router.get(
    "/ended",
    dependencies=[Depends(require_json), Depends(reject_repeated(EndedQuery))],
    response_class=Response,
    responses={
        200: {
            "model": EndedSaContextPage,
            "headers": {
                "Link": {
                    "description": 'The next page, as `<…>; rel="next"`; absent on the last.',
                    "schema": {"type": "string"},
                }
            },
        },
        **problems.responses(
            *problems.AUTH_PROBLEMS, problems.NOT_ACCEPTABLE, problems.INVALID_PARAMETERS
        ),
    },
)
async def list_ended_sa_contexts(
    _caller: SaReader, query: Annotated[EndedQuery, Query()], service: ServiceDep
) -> Response:
    """List the SA contexts that have ended since the server started, newest first.

    Windows does not report why a context ends. `endReason` is inferred from what the server has
    seen, and `evidence` says from what; if nothing is known, it is `unknown`. The server keeps a
    bounded number of the latest. To get the next page, follow `nextCursor` or the `Link` header; if
    both are absent, the list is complete.
    """
    ended = service.part(EndedContexts)
    selection = query.selection
    if selection.principal_names:  # names are compared without regard to case, which takes long
        async with service.capacity.filtering.seat():
            found = await anyio.to_thread.run_sync(ended.buffer.select, selection, query.limit)
    else:
        found = ended.buffer.select(selection, query.limit)
    about: dict[str, Any] = {}
    if found.next_cursor is not None:
        about["nextCursor"] = str(found.next_cursor)
    about |= {
        "missed": found.missed,
        "monitoring": ended.monitoring,
        "host": service.host,
        "engine": service.library.kind,
    }
    items = b",".join([row.json for row in found.rows])
    body = b'{"items":[%b],%b' % (items, orjson.dumps(about)[1:])
    response = PiecesResponse([body], JSON_UTF_8, len(body))
    response.headers["Cache-Control"] = "no-store"
    if found.next_cursor is not None:
        response.headers["Link"] = f'<{query.link(found.next_cursor)}>; rel="next"'
    return response

"""`/history`: the last 24 hours of this host, minute by minute."""

from __future__ import annotations

from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.answers.history.recorder import HistoryRecorder
from app.answers.history.schema import History
from app.answers.times import SinceParameter, parse_since
from app.api import problems
from app.api.dependencies import ServiceDep, reject_repeated, require_json
from app.api.media_types import JSON_UTF_8
from app.api.security import SaReader
from app.api.streaming import PiecesResponse
from app.auth.scopes import Scope


TAG: Final = "History"

router = APIRouter(tags=[TAG])


class HistoryQuery(BaseModel):
    """Query parameters of `GET /history`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    since: SinceParameter | None = Field(
        None,
        description="A time (RFC 3339), or how long ago, such as `90s`, `10m`, `2h` or `1d`: only "
        "minutes that ended then or later.",
    )


@router.get(
    "/history",
    dependencies=[Depends(require_json), Depends(reject_repeated(HistoryQuery))],
    response_class=Response,
    responses={
        200: {"model": History},
        **problems.responses(
            *problems.AUTH_PROBLEMS, problems.NOT_ACCEPTABLE, problems.INVALID_PARAMETERS
        ),
    },
)
async def get_history(
    caller: SaReader, query: Annotated[HistoryQuery, Query()], service: ServiceDep
) -> Response:
    """Get the last 24 hours, one row a minute: contexts, protections, weaknesses, bytes, failures.

    The rows begin when the server starts: a restart loses those before. Failures are shown to
    callers with the scope `diagnostics:read`.
    """
    rows = service.part(HistoryRecorder).rows.since(
        None if query.since is None else parse_since(query.since),
        with_failures=Scope.DIAGNOSTICS_READ in caller.scopes,
    )
    about = {"host": service.host, "engine": service.library.kind}
    body = b'{"items":[%b],%b' % (b",".join(rows), orjson.dumps(about)[1:])
    response = PiecesResponse([body], JSON_UTF_8, len(body))
    response.headers["Cache-Control"] = "no-store"
    return response

"""`/sa-contexts`: the SA contexts of this host, all of them page by page, or one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any

import anyio
import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from app.api import problems
from app.api.dependencies import ServiceDep, accepts_json, given_once
from app.api.pages import PageResponse
from app.api.parameters import SaContextQuery
from app.api.problems import ProblemError
from app.repository.cursors import CursorDamaged, CursorOfAnotherRun
from app.repository.selection import Selection
from app.repository.store import EngineSlow, Page, SnapshotGone, Store
from app.schemas.sa_contexts import SaContext, SaContextPage
from app.service import Service
from bindings.errors import IkeextNotRunning, NotFound


router = APIRouter(
    prefix="/sa-contexts", tags=["SA contexts"], dependencies=[Depends(accepts_json)]
)

DEFAULT_MAX_AGE = 1.0
MAX_ID = (1 << 64) - 1

_ENGINE = (
    problems.ENGINE_ERROR,
    problems.NOT_SUPPORTED_BY_ENGINE,
    problems.ENGINE_ACCESS_DENIED,
    problems.ENGINE_TIMEOUT,
    problems.ENGINE_SLOW,
    problems.ENGINE_UNAVAILABLE,
    problems.SERVER_STOPPING,
    problems.INTERNAL_ERROR,
)


@router.get(
    "",
    dependencies=[Depends(given_once)],
    response_class=Response,
    responses={
        200: {
            "model": SaContextPage,
            "headers": {
                "Link": {
                    "description": 'The next page, as `<…>; rel="next"`; absent on the last.',
                    "schema": {"type": "string"},
                },
                "Snapshot-Expires": {
                    "description": "When the snapshot is let go at the latest. Absent where the "
                    "page is the whole list.",
                    "schema": {"type": "string"},
                },
                "Snapshot-Idle-Seconds": {
                    "description": "After how many seconds without use it is let go already.",
                    "schema": {"type": "integer"},
                },
            },
        },
        **problems.responses(
            problems.CURSOR_INVALID,
            problems.CURSOR_MISMATCH,
            problems.NOT_ACCEPTABLE,
            problems.CURSOR_EXPIRED,
            problems.INVALID_PARAMETERS,
            problems.TOO_MANY_SNAPSHOTS,
            *_ENGINE,
        ),
    },
)
async def list_sa_contexts(
    query: Annotated[SaContextQuery, Query()], service: ServiceDep
) -> Response:
    """List the IPsec SA contexts of this host, in ascending order of their id.

    All pages of one walk show the same snapshot. Follow `nextCursor` or the
    `Link` header; when both are absent, the list is complete.
    """
    if query.cursor is None:
        max_age = DEFAULT_MAX_AGE if query.max_age is None else query.max_age
        page = await service.store.first_page(query.selection, query.limit, max_age)
        return _page_response(page, query, query.selection, service)
    try:
        cursor = service.store.read_cursor(query.cursor)
        _require_same(query, cursor.selection)
        page = await service.store.page_at(cursor, query.limit)
    except CursorDamaged:
        raise ProblemError(problems.CURSOR_INVALID, "The cursor is not valid.") from None
    except CursorOfAnotherRun as error:
        _require_same(query, error.selection)
        raise _expired(query, SnapshotGone(error.selection, None)) from None
    except SnapshotGone as error:
        raise _expired(query, error) from None
    return _page_response(page, query, cursor.selection, service)


@router.get(
    "/{saContextId}",
    response_class=Response,
    responses={
        200: {"model": SaContext},
        **problems.responses(
            problems.SA_CONTEXT_NOT_FOUND,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *_ENGINE,
        ),
    },
)
async def get_sa_context(
    sa_context_id: Annotated[
        str,
        Path(
            alias="saContextId",
            pattern=r"^[0-9]{1,20}$",
            description="The `saContextId`, a 64-bit number in decimal.",
            examples=["9007199254740993"],
        ),
    ],
    service: ServiceDep,
) -> Response:
    """Get one IPsec SA context, as the engine has it at this moment."""
    number = int(sa_context_id)
    if number > MAX_ID:
        raise ProblemError(
            problems.INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[{"parameter": "saContextId", "reason": f"Should be at most {MAX_ID}"}],
        )
    try:
        text = await _read_one(service, number)
    except (NotFound, IkeextNotRunning):
        raise ProblemError(
            problems.SA_CONTEXT_NOT_FOUND, f"There is no SA context of the id {number}."
        ) from None
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


async def _read_one(service: Service, sa_context_id: int) -> bytes:
    with anyio.move_on_after(service.store.limits.patience_seconds):
        return await anyio.to_thread.run_sync(
            service.reader.read_one,
            sa_context_id,
            abandon_on_cancel=True,
            limiter=service.one_reader,
        )
    raise EngineSlow


def _require_same(query: SaContextQuery, selection: Selection) -> None:
    """Filters beside a cursor must be the cursor's own; none at all is fine."""
    given = query.model_fields_set & {"local_subnet", "remote_subnet"}
    if given and query.selection != selection:
        raise ProblemError(
            problems.CURSOR_MISMATCH, "The filters differ from those that the cursor was made for."
        )


def _expired(query: SaContextQuery, gone: SnapshotGone) -> ProblemError:
    members: dict[str, Any] = {"restartUrl": query.link(cursor=None, selection=gone.selection)}
    if gone.resume is not None:
        members["resumeUrl"] = query.link(cursor=gone.resume, selection=gone.selection)
    return ProblemError(
        problems.CURSOR_EXPIRED, "The snapshot that the cursor goes on in is not held.", **members
    )


def _page_response(
    page: Page, query: SaContextQuery, selection: Selection, service: Service
) -> Response:
    """The page, made of the texts that the store keeps."""
    version = page.version
    snapshot = orjson.dumps(
        {
            "epoch": version.epoch,
            "revision": version.revision,
            "takenAt": version.taken_at,
            "host": service.host,
            "engine": service.library.kind,
        },
        option=orjson.OPT_UTC_Z,
    )
    rest = b',"snapshot":' + snapshot
    if not version.is_ikeext_running:
        rest = b',"ikeext":"not_running"' + rest
    if page.next_cursor is not None:
        rest = b',"nextCursor":' + orjson.dumps(page.next_cursor) + rest
    response = PageResponse(page.texts, rest)
    response.headers["Cache-Control"] = "no-store"
    if page.next_cursor is not None:
        link = query.link(cursor=page.next_cursor, selection=selection)
        response.headers["Link"] = f'<{link}>; rel="next"'
    if page.held_seconds is not None:
        _tell_hold(response, page.held_seconds, service.store)
    return response


def _tell_hold(response: Response, held_seconds: float, store: Store) -> None:
    expires = datetime.now(UTC) + timedelta(seconds=held_seconds)
    response.headers["Snapshot-Expires"] = format_datetime(expires, usegmt=True)
    response.headers["Snapshot-Idle-Seconds"] = str(int(store.holds.idle_seconds))

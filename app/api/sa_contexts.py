"""`/sa-contexts`: the SA contexts of this host, all of them page by page, or one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any

import anyio
import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.api import problems
from app.api.conditional import conditional_response
from app.api.dependencies import ServiceDep, WantsNdjson, accepts_json, given_once
from app.api.export import MEDIA_TYPE as NDJSON
from app.api.export import ExportResponse
from app.api.parameters import Freshness, SaContextQuery, SummaryQuery
from app.api.problems import ProblemError
from app.api.streaming import PiecesResponse
from app.encoding.addresses import address_text
from app.repository.counts import Counts
from app.repository.cursors import CursorDamaged, CursorOfAnotherRun
from app.repository.selection import FIELDS_OF_SUITES, Selection
from app.repository.store import EngineSlow, Page, SnapshotGone, Store
from app.repository.versions import Version
from app.schemas.names import View
from app.schemas.sa_contexts import SaContext, SaContextPage, Snapshot
from app.schemas.summary import PeerCount, SaContextSummary, ValueCount
from app.service import Service
from bindings.errors import IkeextNotRunning, NotFound


ETAG = {
    "description": "For `If-None-Match`: the same as long as the context is.",
    "schema": {"type": "string"},
}

router = APIRouter(prefix="/sa-contexts", tags=["SA contexts"])

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
            "content": {
                NDJSON: {
                    "schema": {
                        "type": "string",
                        "description": "One `SaContext` a line. The last line is an "
                        "`SaContextExportEnd`; without it, the list is not whole.",
                    },
                    "x-itemSchema": {  # OpenAPI 3.2's `itemSchema`, which tools refuse as yet
                        "anyOf": [
                            {"$ref": "#/components/schemas/SaContext"},
                            {"$ref": "#/components/schemas/SaContextExportEnd"},
                        ]
                    },
                }
            },
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
    query: Annotated[SaContextQuery, Query()], is_export: WantsNdjson, service: ServiceDep
) -> Response:
    """List the IPsec SA contexts of this host, in ascending order of their id.

    All pages of one walk show the same snapshot. Follow `nextCursor` or the
    `Link` header; when both are absent, the list is complete. As
    `application/x-ndjson` the whole list is streamed, one context a line.
    """
    store = service.store
    if is_export:
        return _export(query, service)
    if query.cursor is None:
        page = await store.first_page(query.selection, query.view, query.limit, _age(query))
        return _page_response(page, query, service)
    try:
        cursor = store.read_cursor(query.cursor)
        _require_same(query, cursor.selection, cursor.view)
        page = await store.page_at(cursor, query.limit)
    except CursorDamaged:
        raise ProblemError(problems.CURSOR_INVALID, "The cursor is not valid.") from None
    except CursorOfAnotherRun as error:
        _require_same(query, error.selection, error.view)
        raise _expired(query, SnapshotGone(error.selection, error.view, None)) from None
    except SnapshotGone as error:
        raise _expired(query, error) from None
    return _page_response(page, query, service)


@router.get(
    "/summary",
    dependencies=[Depends(accepts_json), Depends(given_once)],
    responses=problems.responses(problems.NOT_ACCEPTABLE, problems.INVALID_PARAMETERS, *_ENGINE),
)
async def summarize_sa_contexts(
    query: Annotated[SummaryQuery, Query()], service: ServiceDep, response: Response
) -> SaContextSummary:
    """Count the IPsec SA contexts of this host, by how and with whom they protect traffic.

    Each count is that of the list with the filter of the same name and value.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    version, counts = await service.store.counts(_age(query))
    return SaContextSummary(
        contexts=counts.contexts,
        without_sa=counts.without_sa,
        with_weakness=counts.with_weakness,
        baseline=service.reader.baseline,
        **{name: _values(counts, name) for name in FIELDS_OF_SUITES},
        peer_count=counts.peer_count,
        peers=[
            PeerCount(remote_address=address_text(peer) or "", contexts=contexts)
            for peer, contexts in counts.peers(query.peers)
        ],
        snapshot=Snapshot.model_validate(_snapshot(version, service)),
    )


@router.get(
    "/{saContextId}",
    dependencies=[Depends(accepts_json)],
    response_class=Response,
    responses={
        200: {
            "model": SaContext,
            "headers": {
                "ETag": ETAG,
            },
        },
        304: {"description": "Not Modified: as `If-None-Match` has it.", "headers": {"ETag": ETAG}},
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
    request: Request,
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
    return conditional_response(request, text)


async def _read_one(service: Service, sa_context_id: int) -> bytes:
    with anyio.move_on_after(service.store.limits.patience_seconds):
        return await anyio.to_thread.run_sync(
            service.reader.read_one,
            sa_context_id,
            abandon_on_cancel=True,
            limiter=service.one_reader,
        )
    raise EngineSlow


def _age(query: Freshness) -> float:
    return DEFAULT_MAX_AGE if query.max_age is None else query.max_age


def _require_same(query: SaContextQuery, selection: Selection, view: View) -> None:
    """Filters and view beside a cursor must be the cursor's own; none at all is fine."""
    if query.has_filters and query.selection != selection:
        raise ProblemError(
            problems.CURSOR_MISMATCH, "The filters differ from those that the cursor was made for."
        )
    if "view" in query.model_fields_set and query.view != view:
        raise ProblemError(
            problems.CURSOR_MISMATCH, "The view differs from that which the cursor was made for."
        )


def _expired(query: SaContextQuery, gone: SnapshotGone) -> ProblemError:
    members: dict[str, Any] = {
        "restartUrl": query.link(cursor=None, selection=gone.selection, view=gone.view)
    }
    if gone.resume is not None:
        members["resumeUrl"] = query.link(
            cursor=gone.resume, selection=gone.selection, view=gone.view
        )
    return ProblemError(
        problems.CURSOR_EXPIRED, "The snapshot that the cursor goes on in is not held.", **members
    )


def _export(query: SaContextQuery, service: Service) -> Response:
    """The whole list, to which neither a limit nor a cursor belongs."""
    paging = [name for name in ("limit", "cursor") if name in query.model_fields_set]
    if paging:
        raise ProblemError(
            problems.INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[
                {"parameter": name, "reason": f"{NDJSON} is the whole list"} for name in paging
            ],
        )
    return ExportResponse(
        service.store,
        query.selection,
        query.view,
        _age(query),
        lambda version: _snapshot(version, service),
    )


def _page_response(page: Page, query: SaContextQuery, service: Service) -> Response:
    """The page, made of the texts that the store keeps."""
    rest = b',"snapshot":' + orjson.dumps(_snapshot(page.version, service), option=orjson.OPT_UTC_Z)
    if not page.version.is_ikeext_running:
        rest = b',"ikeext":"not_running"' + rest
    if page.next_cursor is not None:
        rest = b',"nextCursor":' + orjson.dumps(page.next_cursor) + rest
    response = PiecesResponse(_items(page.pieces, rest), "application/json")
    response.headers["Cache-Control"] = "no-store"
    if page.next_cursor is not None:
        link = query.link(cursor=page.next_cursor, selection=page.selection, view=page.view)
        response.headers["Link"] = f'<{link}>; rel="next"'
    if page.held_seconds is not None:
        _tell_hold(response, page.held_seconds, service.store)
    return response


def _items(pieces: list[bytes], rest: bytes) -> Iterator[bytes]:
    """A JSON object of `items` and the members that follow, in pieces.

    Args:
        pieces: the items, each behind a comma, of which the first is one too many.
        rest: the members, each behind a comma.
    """
    first, *others = pieces or [b","]
    yield b"".join((b'{"items":[', memoryview(first)[1:]))
    yield from others
    yield b"]" + rest + b"}"


def _snapshot(version: Version, service: Service) -> dict[str, Any]:
    """`Snapshot` of a version."""
    return {
        "epoch": version.epoch,
        "revision": version.revision,
        "takenAt": version.taken_at,
        "host": service.host,
        "engine": service.library.kind,
    }


def _values(counts: Counts, field: str) -> list[ValueCount]:
    return [
        ValueCount(value=value, contexts=contexts) for value, contexts in counts.by(field).items()
    ]


def _tell_hold(response: Response, held_seconds: float, store: Store) -> None:
    expires = datetime.now(UTC) + timedelta(seconds=held_seconds)
    response.headers["Snapshot-Expires"] = format_datetime(expires, usegmt=True)
    response.headers["Snapshot-Idle-Seconds"] = str(int(store.holds.idle_seconds))

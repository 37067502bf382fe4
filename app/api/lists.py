"""Lists of any listed resource: pages in JSON, or an export in NDJSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import orjson
from fastapi import Request, Response
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from app.api import problems
from app.api.conditional import (
    ETAG,
    NOT_MODIFIED,
    etag_of_snapshot,
    has_etag,
    not_modified,
    validators,
)
from app.api.export import ExportResponse
from app.api.items import summary_schema
from app.api.media_types import JSON, JSON_UTF_8, NDJSON
from app.api.parameters import ListQuery
from app.api.problems import ProblemError
from app.api.snapshots import set_lease_headers, snapshot_of
from app.api.streaming import VARY, Piece, PiecesResponse
from app.auth.callers import Caller
from app.repository.query.cursors import CursorForOtherList, CursorFromOtherProcess, InvalidCursor
from app.repository.query.filters import Selection
from app.repository.query.paginator import Page, Paginator, SnapshotExpired
from app.schemas.base import Shape
from app.schemas.names import View
from app.service import Service


_OPENING: Final = b'{"items":['


def list_responses(
    page: type[Shape],
    items: Sequence[type[Shape]],
    end: type[Shape],
    links: dict[str, Any],
    summary_page: type[Shape] | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a list.

    Args:
        page: the shape of a page.
        items: the shape of an item in each view.
        end: the shape of the last line of an export.
        links: OpenAPI links to other operations.
        summary_page: the shape of a page with `view=summary`; None: there is no such view.
    """
    return {
        200: {
            "model": page,
            "content": {
                **summary_schema(summary_page),
                NDJSON: {
                    "schema": {
                        "type": "string",
                        "description": "One "
                        + " or ".join(f"`{item.__name__}`" for item in items)
                        + f" per line. The last line is `{end.__name__}`; without it, the list is "
                        "incomplete.",
                    },
                    "x-itemSchema": {  # `itemSchema` of OpenAPI 3.2, which tools still reject
                        "anyOf": [
                            {"$ref": f"#/components/schemas/{shape.__name__}"}
                            for shape in (*items, end)
                        ]
                    },
                },
            },
            "links": links,
            "headers": {
                "ETag": ETAG,
                "Link": {
                    "description": 'The next page, as `<…>; rel="next"`; absent on the last.',
                    "schema": {"type": "string"},
                },
                "Snapshot-Expires": {
                    "description": "The latest time at which the snapshot expires. Absent if the "
                    "page is the complete list.",
                    "schema": {"type": "string"},
                },
                "Snapshot-Idle-Seconds": {
                    "description": "The snapshot expires earlier if it is not used for this many "
                    "seconds.",
                    "schema": {"type": "integer"},
                },
            },
        },
        304: {**NOT_MODIFIED},
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            problems.CURSOR_INVALID,
            problems.CURSOR_MISMATCH,
            problems.NOT_ACCEPTABLE,
            problems.CURSOR_EXPIRED,
            problems.INVALID_PARAMETERS,
            problems.TOO_MANY_SNAPSHOTS,
            *problems.ENGINE_PROBLEMS,
        ),
    }


async def answer_list(
    request: Request,
    query: ListQuery,
    paginator: Paginator,
    service: Service,
    caller: Caller,
    *,
    is_export: bool,
) -> Response:
    """Answer a request for a list with a page or an export, or with 304.

    A page at a cursor has no ETag: while its snapshot is leased, it does not change. An
    `ExportResponse` reads the snapshot, and may raise, only when it is sent.

    Raises:
        ProblemError: the cursor is invalid, has expired or belongs to another list, or a parameter
            conflicts with the cursor or the export.
        EngineError: the engine returned an error.
        EngineBusy: another thread held the session for too long.
        EngineTimedOut: the engine did not answer in time.
        ShuttingDown: the server is stopping.
        TooManySnapshots: no further snapshot can be leased.
    """
    if is_export:
        return _export(query, paginator, service, caller)
    if query.cursor is None:
        selected = await paginator.select(query.selection, query.effective_max_age)
        etag = None
        if selected.version is not None:
            etag = etag_of_snapshot(
                selected.snapshot, selected.version, JSON, query.effective_view, query.limit
            )
            if has_etag(request, etag):
                return not_modified(etag, VARY)
        page = paginator.page_of(selected, query.effective_view, query.limit)
        return _page_response(page, query, paginator, service, etag)
    try:
        cursor = paginator.read_cursor(query.cursor)
        _require_match(query, cursor.selection, cursor.view)
        page = await paginator.page_at(cursor, query.limit)
    except InvalidCursor:
        raise _invalid() from None
    except CursorForOtherList:
        raise ProblemError(
            problems.CURSOR_MISMATCH, f"The cursor was not made for /{query.SELECTION.LIST}."
        ) from None
    except CursorFromOtherProcess as error:
        claimed = _claimed_query(type(query), error)
        _require_match(query, claimed.selection, claimed.effective_view)
        raise _expired(
            query, SnapshotExpired(claimed.selection, claimed.effective_view, None)
        ) from None
    except SnapshotExpired as error:
        raise _expired(query, error) from None
    return _page_response(page, query, paginator, service)


def _invalid() -> ProblemError:
    return ProblemError(problems.CURSOR_INVALID, "The cursor is not valid.")


def _claimed_query(query: type[ListQuery], cursor: CursorFromOtherProcess) -> ListQuery:
    """Return the query in a cursor of another process, whose signature cannot be verified.

    Raises:
        ProblemError: 400: the query is not valid for this list.
    """
    parameters: dict[str, Any] = {to_camel(name): texts for name, texts in cursor.filters.items()}
    if cursor.view != View.FULL:
        parameters["view"] = cursor.view
    try:
        return query.model_validate(parameters)
    except ValidationError:
        raise _invalid() from None


def _require_match(query: ListQuery, selection: Selection, view: View) -> None:
    """Reject a query whose filters or view, if given, differ from those in its cursor.

    Raises:
        ProblemError: 400.
    """
    if query.has_filters and query.selection != selection:
        raise ProblemError(problems.CURSOR_MISMATCH, "The filters differ from those of the cursor.")
    if "view" in query.model_fields_set and query.effective_view != view:
        raise ProblemError(problems.CURSOR_MISMATCH, "The view differs from that of the cursor.")


def _expired(query: ListQuery, error: SnapshotExpired) -> ProblemError:
    members: dict[str, Any] = {
        "restartUrl": query.link(cursor=None, selection=error.selection, view=error.view)
    }
    if error.resume is not None:
        members["resumeUrl"] = query.link(
            cursor=error.resume, selection=error.selection, view=error.view
        )
    return ProblemError(
        problems.CURSOR_EXPIRED, "The snapshot of the cursor has expired.", **members
    )


def _export(query: ListQuery, paginator: Paginator, service: Service, caller: Caller) -> Response:
    """Return the export of a list; reject the parameters `limit` and `cursor`.

    Raises:
        ProblemError: 422.
    """
    paging = [name for name in ("limit", "cursor") if name in query.model_fields_set]
    if paging:
        raise ProblemError(
            problems.INVALID_PARAMETERS,
            "At least one parameter is not valid.",
            errors=[
                {"parameter": name, "reason": "An export is the complete list"} for name in paging
            ],
        )
    return ExportResponse(
        paginator,
        query.selection,
        query.effective_view,
        query.effective_max_age,
        lambda snapshot: snapshot_of(snapshot, service),
        partial(service.credentials.is_still_valid, caller),
    )


def _page_response(
    page: Page,
    query: ListQuery,
    paginator: Paginator,
    service: Service,
    etag: str | None = None,
) -> Response:
    """Return a page, assembled from the JSON in the snapshot."""
    closing = b"]"
    if page.next_cursor is not None:
        closing += b',"nextCursor":' + orjson.dumps(page.next_cursor)
    for name, text in page.snapshot.annotations.items():
        closing += b"," + orjson.dumps(name) + b":" + orjson.dumps(text)
    snapshot = snapshot_of(page.snapshot, service)
    closing += b',"snapshot":' + orjson.dumps(snapshot, option=orjson.OPT_UTC_Z) + b"}"
    length = None
    if page.length is not None:
        length = len(_OPENING) + max(0, page.length - 1) + len(closing)
    response = PiecesResponse(_page_pieces(page.pieces, closing), JSON_UTF_8, length)
    response.headers["Cache-Control"] = "no-store"
    if etag is not None:
        response.headers.update(validators(etag, VARY))
    if page.next_cursor is not None:
        link = query.link(cursor=page.next_cursor, selection=page.selection, view=page.view)
        response.headers["Link"] = f'<{link}>; rel="next"'
    if page.lease_seconds is not None:
        set_lease_headers(response, page.lease_seconds, paginator.store)
    return response


def _page_pieces(items: Iterator[bytes], closing: bytes) -> Iterator[Piece]:
    """Yield the JSON of a page piece by piece.

    Args:
        items: the JSON of the items, each preceded by a comma; the first comma is dropped.
        closing: the end of the JSON: `]`, the other members and `}`.
    """
    yield _OPENING
    for first in items:
        yield memoryview(first)[1:]
        break
    yield from items
    yield closing

"""Lists of whatever kind: page by page, or all in one stream."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import orjson
from fastapi import Response
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from app.api import problems
from app.api.export import MEDIA_TYPE as NDJSON
from app.api.export import ExportResponse
from app.api.parameters import ListQuery
from app.api.problems import ProblemError
from app.api.snapshots import set_lease_headers, snapshot_of
from app.api.streaming import Piece, PiecesResponse
from app.auth.callers import Caller
from app.repository.query.cursors import CursorForOtherList, CursorFromOtherProcess, InvalidCursor
from app.repository.query.filters import Selection
from app.repository.query.paginator import Page, Paginator, SnapshotExpired
from app.schemas.base import Shape
from app.schemas.names import View
from app.service import Service


HEAD: Final = b'{"items":['


def list_responses(
    page: type[Shape], item: type[Shape], end: type[Shape], links: dict[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of a list.

    Args:
        page: what it answers with.
        item: what a page has many of.
        end: the last line of the list as a stream.
        links: to other operations.
    """
    return {
        200: {
            "model": page,
            "content": {
                NDJSON: {
                    "schema": {
                        "type": "string",
                        "description": f"One `{item.__name__}` a line. The last line is an "
                        f"`{end.__name__}`; without it, the list is not whole.",
                    },
                    "x-itemSchema": {  # OpenAPI 3.2's `itemSchema`, which tools refuse as yet
                        "anyOf": [
                            {"$ref": f"#/components/schemas/{item.__name__}"},
                            {"$ref": f"#/components/schemas/{end.__name__}"},
                        ]
                    },
                }
            },
            "links": links,
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
    query: ListQuery, lists: Paginator, service: Service, caller: Caller, *, is_export: bool
) -> Response:
    """The answer to a request for a list, one page of it or the whole."""
    if is_export:
        return _export(query, lists, service, caller)
    if query.cursor is None:
        page = await lists.first_page(
            query.selection, query.effective_view, query.limit, query.effective_max_age
        )
        return _page_response(page, query, lists, service)
    try:
        cursor = lists.read_cursor(query.cursor)
        _require_same(query, cursor.selection, cursor.view)
        page = await lists.page_at(cursor, query.limit)
    except InvalidCursor:
        raise _invalid() from None
    except CursorForOtherList:
        raise ProblemError(
            problems.CURSOR_MISMATCH, f"The cursor was not made for /{query.SELECTION.LIST}."
        ) from None
    except CursorFromOtherProcess as error:
        made_for = _made_for(type(query), error)
        _require_same(query, made_for.selection, made_for.effective_view)
        raise _expired(
            query, SnapshotExpired(made_for.selection, made_for.effective_view, None)
        ) from None
    except SnapshotExpired as error:
        raise _expired(query, error) from None
    return _page_response(page, query, lists, service)


def _invalid() -> ProblemError:
    return ProblemError(problems.CURSOR_INVALID, "The cursor is not valid.")


def _made_for(query: type[ListQuery], cursor: CursorFromOtherProcess) -> ListQuery:
    """Return the query that an unauthenticated cursor says it was made for.

    Raises:
        ProblemError: 400, no such parameters could have been given.
    """
    given: dict[str, Any] = {to_camel(name): texts for name, texts in cursor.filters.items()}
    if cursor.view != View.FULL:
        given["view"] = cursor.view
    try:
        return query.model_validate(given)
    except ValidationError:
        raise _invalid() from None


def _require_same(query: ListQuery, selection: Selection, view: View) -> None:
    """Filters and view beside a cursor must be the cursor's own; none at all is fine."""
    if query.has_filters and query.selection != selection:
        raise ProblemError(
            problems.CURSOR_MISMATCH, "The filters differ from those that the cursor was made for."
        )
    if "view" in query.model_fields_set and query.effective_view != view:
        raise ProblemError(
            problems.CURSOR_MISMATCH, "The view differs from that which the cursor was made for."
        )


def _expired(query: ListQuery, gone: SnapshotExpired) -> ProblemError:
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


def _export(query: ListQuery, lists: Paginator, service: Service, caller: Caller) -> Response:
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
        lists,
        query.selection,
        query.effective_view,
        query.effective_max_age,
        lambda version: snapshot_of(version, service),
        partial(service.credentials.is_still_valid, caller),
    )


def _page_response(page: Page, query: ListQuery, lists: Paginator, service: Service) -> Response:
    """The page, made of the texts that the store keeps."""
    end = b"]"
    if page.next_cursor is not None:
        end += b',"nextCursor":' + orjson.dumps(page.next_cursor)
    for name, text in page.snapshot.annotations.items():
        end += b"," + orjson.dumps(name) + b":" + orjson.dumps(text)
    snapshot = snapshot_of(page.snapshot, service)
    end += b',"snapshot":' + orjson.dumps(snapshot, option=orjson.OPT_UTC_Z) + b"}"
    length = None if page.length is None else len(HEAD) + max(0, page.length - 1) + len(end)
    response = PiecesResponse(_items(page.pieces, end), "application/json", length)
    response.headers["Cache-Control"] = "no-store"
    if page.next_cursor is not None:
        link = query.link(cursor=page.next_cursor, selection=page.selection, view=page.view)
        response.headers["Link"] = f'<{link}>; rel="next"'
    if page.lease_seconds is not None:
        set_lease_headers(response, page.lease_seconds, lists.store)
    return response


def _items(pieces: Iterator[bytes], end: bytes) -> Iterator[Piece]:
    """A JSON object of `items` and the members that follow, in pieces.

    Args:
        pieces: the items, each behind a comma, of which the first is one too many.
        end: of `items`, and the other members.
    """
    yield HEAD
    for first in pieces:
        yield memoryview(first)[1:]
        break
    yield from pieces
    yield end

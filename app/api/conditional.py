"""Conditional requests (RFC 9110, section 13): 304 if the client's copy is current.

The ETag of a list covers its items and their view, but not the member `snapshot` and the cursor: a
refresh that finds no change in the list changes these two, and a client that polls should get 304.
The ETag is therefore weak (8.8.1). It is known before the body is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_304_NOT_MODIFIED

from app.api.media_types import JSON_UTF_8
from app.repository.snapshot.model import Snapshot


ETAG: Final[Mapping[str, Any]] = {
    "description": "A weak entity tag for `If-None-Match`. It changes when the item, or any item "
    "of the list, changes, but not when only `snapshot` does. Pages at a cursor have none.",
    "schema": {"type": "string"},
}
NOT_MODIFIED: Final[Mapping[str, Any]] = {
    "description": "Not Modified: `If-None-Match` names the current `ETag`.",
    "headers": {"ETag": ETAG},
}

REVALIDATE: Final = "no-cache"
"""Caches may store the response but must revalidate it before each use (RFC 9111, 5.2.2.4)."""


def conditional_response(request: Request, body: bytes) -> Response:
    """Return a JSON response with a weak ETag, or 304 if `If-None-Match` matches the ETag."""
    etag = etag_of(body)
    if has_etag(request, etag):
        return not_modified(etag, "Accept")
    return Response(body, media_type=JSON_UTF_8, headers=validators(etag, "Accept"))


def not_modified(etag: str, vary: str) -> Response:
    """Return 304, with the header fields that 15.4.5 requires."""
    return Response(status_code=HTTP_304_NOT_MODIFIED, headers=validators(etag, vary))


def validators(etag: str, vary: str) -> dict[str, str]:
    """Return the header fields of a response that a client may revalidate."""
    return {"Vary": vary, "ETag": etag, "Cache-Control": REVALIDATE}


def etag_of_snapshot(snapshot: Snapshot, version: str, *rest: Any) -> str:
    """Return the ETag of a response that depends on the objects of a snapshot.

    Args:
        snapshot: the snapshot.
        version: what identifies the objects within the snapshot's epoch.
        rest: everything else that the response depends on, as values that orjson can encode.
    """
    return etag_of(orjson.dumps([snapshot.epoch, version, dict(snapshot.annotations), *rest]))


def etag_of(body: bytes) -> str:
    """Return the weak ETag of an uncompressed body; it is used with every content coding."""
    return f'W/"{blake2b(body, digest_size=16).hexdigest()}"'


def has_etag(request: Request, etag: str) -> bool:
    """Return whether `If-None-Match` matches an ETag by weak comparison (RFC 9110, 8.8.3.2)."""
    opaque = etag.removeprefix("W/")
    headers = request.headers.getlist("if-none-match")
    # A search, as a list of tags may have thousands; quotation marks delimit each tag (8.8.3).
    return any(opaque in header or header.strip() == "*" for header in headers)

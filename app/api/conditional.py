"""Conditional requests (RFC 9110, section 13): 304 if the client's copy is current."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_304_NOT_MODIFIED

from app.api.media_types import JSON_UTF_8


REVALIDATE: Final = "no-cache"
"""Caches may store the response but must revalidate it before each use (RFC 9111, 5.2.2.4)."""


def conditional_response(request: Request, body: bytes) -> Response:
    """Return a JSON response with a weak ETag, or 304 if `If-None-Match` matches the ETag."""
    etag = etag_of(body)
    headers = {"Vary": "Accept", "ETag": etag, "Cache-Control": REVALIDATE}
    if has_etag(request, etag):
        return Response(status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(body, media_type=JSON_UTF_8, headers=headers)


def etag_of(body: bytes) -> str:
    """Return the weak ETag of an uncompressed body; it is used with every content coding."""
    return f'W/"{blake2b(body, digest_size=16).hexdigest()}"'


def has_etag(request: Request, etag: str) -> bool:
    """Return whether `If-None-Match` matches an ETag by weak comparison (RFC 9110, 8.8.3.2)."""
    opaque = etag.removeprefix("W/")
    headers = request.headers.getlist("if-none-match")
    # A search, as a list of tags may have thousands; quotation marks delimit each tag (8.8.3).
    return any(opaque in header or header.strip() == "*" for header in headers)

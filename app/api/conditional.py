"""Conditional requests (RFC 9110, 13): what a client has already is not sent again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_304_NOT_MODIFIED


VARIES_BY_ACCEPT: Final = MappingProxyType({"Vary": "Accept"})

REVALIDATE: Final = "no-cache"
"""May be kept, and must be asked about each time it is used (RFC 9111, 5.2.2.4)."""


def conditional_response(
    request: Request,
    body: bytes,
    *,
    media_type: str = "application/json",
    headers: Mapping[str, str] = VARIES_BY_ACCEPT,
) -> Response:
    """A response with a weak ETag, or 304 where the client names that."""
    etag = f'W/"{blake2b(body, digest_size=16).hexdigest()}"'
    headers = {**headers, "ETag": etag, "Cache-Control": REVALIDATE}
    if _names(request.headers.getlist("if-none-match"), etag):
        return Response(status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _names(headers: list[str], etag: str) -> bool:
    """Whether one of the tags is the same, by the weak comparison (RFC 9110, 8.8.3.2)."""
    opaque = etag.removeprefix("W/")
    tags = [tag.strip() for header in headers for tag in header.split(",")]
    return "*" in tags or any(tag.removeprefix("W/") == opaque for tag in tags)

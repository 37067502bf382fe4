"""Content that never changes while the server runs: hashed and compressed only once.

Anyone may request this content, so only the first request triggers a compression.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_304_NOT_MODIFIED

from app.api.conditional import etag_of, has_etag
from app.api.negotiation import accepts_gzip
from app.api.streaming import MIN_COMPRESSED_BYTES


LEVEL: Final = 9
"""gzip level: the highest, because the content is compressed only once."""

T = TypeVar("T")


class Once(Generic[T]):
    """A value computed in a thread on first use; concurrent callers share one computation."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._value: T | None = None
        self._lock = anyio.Lock()

    async def get(self) -> T:
        """Return the value; compute it on the first call."""
        async with self._lock:
            if self._value is None:
                self._value = await anyio.to_thread.run_sync(self._make)
        return self._value


@dataclass(frozen=True, slots=True)
class Constant:
    """Content ready to be sent.

    Attributes:
        content: the uncompressed body.
        compressed: the body compressed with gzip; None if it is smaller than
            `MIN_COMPRESSED_BYTES`.
        media_type: the media type of the content.
        headers: the headers of every response.
    """

    content: bytes
    compressed: bytes | None
    media_type: str
    headers: Mapping[str, str]

    def response(self, request: Request) -> Response:
        """Return the content, compressed if the client accepts gzip, or 304 if the ETag matches."""
        if has_etag(request, self.headers["ETag"]):
            return Response(status_code=HTTP_304_NOT_MODIFIED, headers=self.headers)
        if self.compressed is None or not accepts_gzip(request.headers):
            return Response(self.content, media_type=self.media_type, headers=self.headers)
        headers = {**self.headers, "Content-Encoding": "gzip"}
        return Response(self.compressed, media_type=self.media_type, headers=headers)


def constant(content: bytes, media_type: str, headers: Mapping[str, str]) -> Constant:
    """Hash content, and compress it if it is large: a few milliseconds per 100 kB.

    Args:
        content: the uncompressed body.
        media_type: the media type of the content.
        headers: the headers of every response, except `ETag`; `Vary` only lists what the content
            depends on besides `Accept-Encoding`.
    """
    is_large = len(content) >= MIN_COMPRESSED_BYTES
    vary = [*([headers["Vary"]] if "Vary" in headers else []), *["Accept-Encoding"] * is_large]
    return Constant(
        content,
        gzip.compress(content, LEVEL, mtime=0) if is_large else None,
        media_type,
        {
            **headers,
            **({"Vary": ", ".join(vary)} if vary else {}),
            "ETag": etag_of(content),
        },
    )

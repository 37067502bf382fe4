"""Content that stays the same while the server runs: hashed and compressed once, then only sent.

Nobody needs a credential for it, so one more request must not cost one more compression.
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
"""Of gzip: what is compressed once may take long."""

Made = TypeVar("Made")


class Once(Generic[Made]):
    """Makes something in a thread when it is first needed, and keeps it.

    Whoever comes meanwhile waits for the same, so that nobody has it made twice.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._made: Made | None = None
        self._making = anyio.Lock()

    async def get(self) -> Made:
        """Return what was made."""
        async with self._making:
            if self._made is None:
                self._made = await anyio.to_thread.run_sync(self._make)
        return self._made


@dataclass(frozen=True, slots=True)
class Constant:
    """Content, as it is sent.

    Attributes:
        content: as it is.
        compressed: the same by gzip; None if it is too small to gain from that.
        media_type: of the content.
        headers: of each response.
    """

    content: bytes
    compressed: bytes | None
    media_type: str
    headers: Mapping[str, str]

    def response(self, request: Request) -> Response:
        """Return the content, compressed if the client accepts that, or 304 if it has it."""
        if has_etag(request, self.headers["ETag"]):
            return Response(status_code=HTTP_304_NOT_MODIFIED, headers=self.headers)
        if self.compressed is None or not accepts_gzip(request.headers):
            return Response(self.content, media_type=self.media_type, headers=self.headers)
        headers = {**self.headers, "Content-Encoding": "gzip"}
        return Response(self.compressed, media_type=self.media_type, headers=headers)


def constant(content: bytes, media_type: str, headers: Mapping[str, str]) -> Constant:
    """Hash and compress content, which takes some milliseconds for each 100 kB.

    Args:
        content: as it is.
        media_type: of the content.
        headers: of each response, beside those that follow from the content.
    """
    is_large = len(content) >= MIN_COMPRESSED_BYTES
    return Constant(
        content,
        gzip.compress(content, LEVEL, mtime=0) if is_large else None,
        media_type,
        {
            **headers,
            **({"Vary": "Accept-Encoding"} if is_large else {}),
            "ETag": etag_of(content),
        },
    )

"""Sending large bodies piece by piece, compressed where the client accepts it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.negotiation import accepts_gzip


LEAST_COMPRESSED: Final = 16 << 10
"""Bytes; a smaller body goes out in a few packets as it is (see docs/benchmarks.md)."""

LEVEL: Final = 1
"""Of zlib: the higher ones take several times as long for little (see docs/benchmarks.md)."""

_GZIP: Final = 31
"""`wbits` for the format of gzip with the largest window (zlib's manual, deflateInit2)."""


class PiecesResponse(Response):
    """A body made of pieces that are in memory already; nothing is copied as a whole."""

    def __init__(self, pieces: Iterable[bytes], media_type: str) -> None:
        """Make the response."""
        self._pieces = list(pieces)
        self.media_type = media_type
        super().__init__()
        self.headers["Vary"] = "Accept, Accept-Encoding"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the response, at the pace of the client."""
        length = sum(map(len, self._pieces))
        compressor = None
        if length >= LEAST_COMPRESSED and accepts_gzip(Headers(scope=scope)):
            compressor = Compressor()
            self.headers["Content-Encoding"] = "gzip"
            del self.headers["Content-Length"]
        else:
            self.headers["Content-Length"] = str(length)
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        for piece in self._pieces:
            body = piece if compressor is None else await compressor.compress(piece)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        rest = b"" if compressor is None else compressor.flush()
        await send({"type": "http.response.body", "body": rest})


class Compressor:
    """gzip, in threads: zlib lets Python go on meanwhile."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)

    async def compress(self, piece: bytes) -> bytes:
        """What is ready to be sent of all that was given so far."""
        return await anyio.to_thread.run_sync(self._compressor.compress, piece)

    def flush(self) -> bytes:
        """What is left at the end."""
        return self._compressor.flush()

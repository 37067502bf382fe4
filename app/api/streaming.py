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


MIN_COMPRESSED_BYTES: Final = 16 << 10
"""Bytes; a smaller body goes out in a few packets as it is (see docs/benchmarks.md)."""

LEVEL: Final = 1
"""Of zlib: the higher ones take several times as long for little (see docs/benchmarks.md)."""

_GZIP: Final = 31
"""`wbits` for the format of gzip with the largest window (zlib's manual, deflateInit2)."""


Piece = bytes | memoryview


class PiecesResponse(Response):
    """A body made of pieces, each taken when the one before is sent; no whole is ever copied."""

    def __init__(self, pieces: Iterable[Piece], media_type: str, length: int | None) -> None:
        """Make the response.

        Args:
            pieces: of the body.
            media_type: of the body.
            length: how many bytes all pieces have, where that is known.
        """
        self._pieces = iter(pieces)
        self._length = length
        self.media_type = media_type
        super().__init__()
        self.headers["Vary"] = "Accept, Accept-Encoding"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the response, at the pace of the client."""
        length, compressor = self._length, None
        is_large = length is None or length >= MIN_COMPRESSED_BYTES
        del self.headers["Content-Length"]
        if is_large and accepts_gzip(Headers(scope=scope)):
            compressor = Compressor()
            self.headers["Content-Encoding"] = "gzip"
        elif length is not None:
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

    async def compress(self, piece: Piece) -> bytes:
        """What is ready to be sent of all that was given so far."""
        return await anyio.to_thread.run_sync(self._compressor.compress, piece)

    def flush(self) -> bytes:
        """What is left at the end."""
        return self._compressor.flush()

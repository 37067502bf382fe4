"""Responses that send large bodies piece by piece, compressed if the client accepts gzip."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.negotiation import accepts_gzip
from app.repository.fairness import FairLimiter
from app.service import Capacity


MIN_COMPRESSED_BYTES: Final = 16 << 10
"""Minimum size of a body to compress; a smaller one takes only a few packets.

See docs/benchmarks.md.
"""

LEVEL: Final = 1
"""zlib level. Level 6 takes twice as long; its output is a third smaller (docs/benchmarks.md)."""

TURN_BYTES: Final = 1 << 20
"""What a response sends in one turn: more than a default page."""

TURN_SEATS: Final = 2
"""The seats of a further turn: a megabyte takes 1.4 ms, as long as several small responses."""

MAX_INLINE_BYTES: Final = 64 << 10
"""The largest piece to compress on the event loop, in half a millisecond.

A thread would wait for the GIL twice, for up to 5 ms each while the event loop is busy.
"""

MAX_WAITING: Final = 4
"""How many of a caller's responses may wait for compression: further ones are not compressed, which
takes a twentieth of the processor time."""

_GZIP: Final = 31
"""`wbits` for the gzip format with the largest window (zlib manual, deflateInit2)."""


VARY: Final = "Accept, Accept-Encoding"

Piece = bytes | memoryview


def capacity_of(scope: Scope) -> Capacity:
    """Return what the callers of the application share fairly."""
    capacity: Capacity = scope["app"].state.capacity
    return capacity


class PiecesResponse(Response):
    """A response sent piece by piece; each piece is made after the previous one has been sent.

    After each `TURN_BYTES`, it waits for its caller's next turn.
    """

    def __init__(self, pieces: Iterable[Piece], media_type: str, length: int | None) -> None:
        """Create the response.

        Args:
            pieces: the pieces of the body.
            media_type: the media type of the body.
            length: the length of the uncompressed body in bytes; None: unknown.
        """
        self._pieces = iter(pieces)
        self._length = length
        self.media_type = media_type
        super().__init__()
        self.headers["Vary"] = VARY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the response as fast as the client reads and turns allow."""
        capacity = capacity_of(scope)
        length, compressor = self._length, None
        is_large = length is None or length >= MIN_COMPRESSED_BYTES
        is_possible = capacity.compression.waiting_of_caller < MAX_WAITING
        del self.headers["Content-Length"]
        if is_large and is_possible and accepts_gzip(Headers(scope=scope)):
            compressor = Compressor(capacity.compression)
            self.headers["Content-Encoding"] = "gzip"
        elif length is not None:
            self.headers["Content-Length"] = str(length)
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        size = 0
        for piece in self._pieces:
            body = piece if compressor is None else await compressor.compress(piece)
            await send({"type": "http.response.body", "body": body, "more_body": True})
            size += len(piece)
            if size >= TURN_BYTES:
                await capacity.turns.turn(TURN_SEATS)
                size = 0
        rest = b"" if compressor is None else compressor.flush()
        await send({"type": "http.response.body", "body": rest})


class Compressor:
    """A gzip compressor. Large pieces are compressed in a thread, since zlib releases the GIL."""

    def __init__(self, limiter: FairLimiter) -> None:
        """Create a compressor.

        Args:
            limiter: admits its thread.
        """
        self._limiter = limiter
        self._compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)

    async def compress(self, piece: Piece) -> bytes:
        """Compress a piece and return the output available so far, which may be empty."""
        if len(piece) <= MAX_INLINE_BYTES:
            return self._compressor.compress(piece)
        async with self._limiter.seat():
            return await anyio.to_thread.run_sync(self._compressor.compress, piece)

    def flush(self) -> bytes:
        """Return the remaining output and end the stream."""
        return self._compressor.flush()

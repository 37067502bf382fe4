"""Sending a page as the texts that the store keeps, joined on the way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


_HEAD: Final = b'{"items":['
_TAIL: Final = b"]"

CHUNK_TEXTS: Final = 20
"""How many texts are joined at a time: some 100 kB, which malloc still serves without mapping
memory for it. A page joined as a whole is several times slower to send (see benchmarks/), and
a slow client would keep a copy of it."""


class PageResponse(Response):
    """A JSON object of the member `items` and others, of which nothing is copied as a whole."""

    media_type = "application/json"

    def __init__(self, texts: list[bytes], rest: bytes) -> None:
        """Make the response.

        Args:
            texts: the JSON text of each item.
            rest: the members that follow `items`, as text that begins with a comma.
        """
        self._texts = texts
        self._rest = rest
        super().__init__()
        commas = max(0, len(texts) - 1)
        length = len(_HEAD) + sum(map(len, texts)) + commas + len(_TAIL) + len(rest) + 1
        self.headers["Content-Length"] = str(length)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the response, at the pace of the client."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        for chunk in self._chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _chunks(self) -> Iterator[bytes]:
        yield _HEAD
        remaining = iter(self._texts)
        texts = list(islice(remaining, CHUNK_TEXTS))
        while texts:
            yield b",".join(texts)  # a single text, as of a hot page, is not copied
            # The empty one makes the comma between this chunk and the next.
            texts = list(islice(remaining, CHUNK_TEXTS))
            texts = [b"", *texts] if texts else []
        yield _TAIL + self._rest + b"}"

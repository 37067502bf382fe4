"""A stream of events as a client reads it, for a time that is bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx2

from tests.sse import Event, Parser


MAX_SECONDS: Final = 120
"""How long one stream is read: many times what the slowest server here needs."""


@contextmanager
def stream(http: httpx2.Client, url: str, *, after: str | None = None) -> Iterator[Iterator[Event]]:
    """The events of a stream.

    Args:
        http: asks for it.
        url: of the stream.
        after: the id of the last event that the client has.
    """
    headers = {} if after is None else {"Last-Event-ID": after}
    with http.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _events(response)


def _events(response: httpx2.Response) -> Iterator[Event]:
    parser, end = Parser(), time.monotonic() + MAX_SECONDS
    for piece in response.iter_raw():  # there is one at least every 15 s
        yield from parser.feed(piece)
        assert time.monotonic() < end, "what was waited for does not come"
    raise AssertionError("the stream has ended")

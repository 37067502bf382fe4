"""Responses in pieces: which of them are compressed."""

from __future__ import annotations

import gzip
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.types import Message, Receive, Scope

from app.api.streaming import MAX_WAITING, MIN_COMPRESSED_BYTES, PiecesResponse
from app.repository.fairness import CALLER
from app.service import COMPRESSION_THREADS, Capacity


pytestmark = pytest.mark.anyio

BODY = bytes(MIN_COMPRESSED_BYTES)
GREEDY, OTHER = ("api_key", "greedy"), ("api_key", "other")


async def respond(capacity: Capacity) -> tuple[bytes | None, bytes]:
    """Return the content coding of a large response to a client that accepts gzip, and its body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    app = SimpleNamespace(state=SimpleNamespace(capacity=capacity))
    headers = [(b"accept-encoding", b"gzip")]
    scope: Scope = {"type": "http", "app": app, "headers": headers}
    receive: Receive = anyio.sleep_forever  # type: ignore[assignment]  # nothing is received
    await PiecesResponse([BODY], "application/json", len(BODY))(scope, receive, send)
    coding = dict(sent[0]["headers"]).get(b"content-encoding")
    return coding, b"".join(message["body"] for message in sent[1:])


@pytest.mark.parametrize(
    ("waiting", "is_compressed"), [(MAX_WAITING - 1, True), (MAX_WAITING, False)]
)
async def test_what_would_wait_behind_many_of_its_caller_is_not_compressed(
    waiting: int, *, is_compressed: bool
) -> None:
    capacity = Capacity()
    CALLER.set(GREEDY)
    places: list[Any] = [capacity.compression.join() for _ in range(COMPRESSION_THREADS + waiting)]

    coding, body = await respond(capacity)
    assert coding == (b"gzip" if is_compressed else None)
    assert (gzip.decompress(body) if is_compressed else body) == BODY

    CALLER.set(OTHER)
    assert (await respond(capacity))[0] == b"gzip"
    for place in places:
        capacity.compression.leave(place)

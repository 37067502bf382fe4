"""A client repeats requests that a server may leave unanswered, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from tests.soak.answers import OF_A_PROBLEM, problem
from tests.soak.client import Client, Scene
from tests.soak.contract import Violation


TARGET = "/sa-contexts?maxAge=0"


def response() -> bytes:
    """A complete 503 response."""
    body = orjson.dumps(problem(TARGET, "engine_unavailable", 503))
    headers = {**OF_A_PROBLEM, "x-request-id": "1", "retry-after": "1"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 503 \r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def client_of_server(*answered: int) -> AsyncIterator[Client]:
    """Yield a client of a server that closes each connection after this many requests."""
    counts = iter(answered)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(next(counts)):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response())
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        scene = Scene(f"http://{host}:{port}", hold_seconds=20)
        scene.at_work.set()
        client = Client(scene, "test", seed=1)
        try:
            yield client
        finally:
            await client.close()


@pytest.mark.anyio
async def test_a_request_on_a_used_connection_is_repeated() -> None:
    async with client_of_server(1, 1) as client:
        answers = [await client.ask(TARGET), await client.ask(TARGET)]

    assert [answer.status for answer in answers] == [503, 503]
    assert client.scene.outcomes.counts["connections", "closed as a request came"] == 1


@pytest.mark.anyio
async def test_a_request_on_a_new_connection_is_not() -> None:
    async with client_of_server(0) as client:
        with pytest.raises(Violation, match="no answer"):
            await client.ask(TARGET)

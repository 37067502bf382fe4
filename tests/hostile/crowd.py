"""Hostile clients by the hundred, in a process of their own.

Each is a coroutine with one connection that returns how it ended; a crowd runs many of them at a
time, again and again, and counts their ends. A distant crowd has many addresses, and TLS.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from random import Random
from struct import pack
from typing import Any

from tests.authorities import client_context
from tests.hostile.distance import LOOPBACK, Reach


HOST = b"Host: localhost\r\n"
GET = b"GET %b HTTP/1.1\r\n" + HOST
PROBE = GET % b"/health/live" + b"\r\n"
LARGE = GET % b"/sa-contexts?limit=1000&maxAge=3600"
ALL = GET % b"/sa-contexts?maxAge=3600" + b"Accept: application/x-ndjson\r\n"
GZIP = b"Accept-Encoding: gzip\r\n"
LARGE_PAGE = LARGE + b"\r\n"
FILTERED_PAGE = LARGE.replace(b"?", b"?ipVersion=v4&ipVersion=v6&") + b"\r\n"
BASIC_PAGE = LARGE.replace(b"?", b"?view=basic&") + b"\r\n"
COMPRESSED_PAGE = LARGE + GZIP + b"\r\n"
EXPORT = ALL + b"\r\n"
COMPRESSED_EXPORT = ALL + GZIP + b"\r\n"
NEW_READING = GET % b"/sa-contexts?limit=1000&maxAge=0" + b"\r\n"
SEND_BYTES = 64 << 10
UNREAD_SECONDS = 9
"""When clients that read nothing begin to read what their system has buffered."""
CLOSED, RESET, THERE = "closed", "reset", "still there"


class Connection:
    """A socket without a stream's buffers: unread data stays in the kernel."""

    def __init__(self, receive_bytes: int | None = None, source: str = "", key: str = "") -> None:
        """Create a socket.

        Args:
            receive_bytes: the size of its receive buffer.
            source: the address to connect from.
            key: the credential that `keyed` adds.
        """
        self._loop = asyncio.get_running_loop()
        self._key = key.encode()
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if source:
            self.socket.bind((source, 0))

    async def connect(self, address: str, port: int) -> None:
        await self._loop.sock_connect(self.socket, (address, port))

    async def secure(self, context: ssl.SSLContext) -> None:
        """Make a TLS handshake."""
        tls = context.wrap_bio(self._in, self._out)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._loop.sock_sendall(self.socket, self._out.read())
                if not (chunk := await self._loop.sock_recv(self.socket, 64 << 10)):
                    raise ConnectionResetError from None
                self._in.write(chunk)
            else:
                await self._loop.sock_sendall(self.socket, self._out.read())
                self._tls = tls
                return

    def keyed(self, request: bytes) -> bytes:
        """Add the credential to requests, if there is one."""
        if not self._key:
            return request
        return request.replace(HOST, HOST + b"Authorization: Bearer %b\r\n" % self._key)

    async def send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._out.read()
        await self._loop.sock_sendall(self.socket, data)

    async def receive(self, count: int = 64 << 10) -> bytes:
        while self._tls is not None:
            try:
                return self._tls.read(count)
            except ssl.SSLWantReadError:
                if not (chunk := await self._loop.sock_recv(self.socket, count)):
                    return b""
                self._in.write(chunk)
            except ssl.SSLZeroReturnError:
                return b""
        return await self._loop.sock_recv(self.socket, count)

    async def end(self) -> str:
        """Return how the last response and the connection end."""
        answer = b""
        with suppress(ConnectionError):
            while chunk := await self.receive():
                answer = (answer + chunk)[-4096:]
            return ending(answer) or CLOSED
        return ending(answer) or RESET

    def reset(self) -> None:
        """Close without notice."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self.socket.close()


Client = Callable[[Connection], Awaitable[str]]


def ending(answer: bytes) -> str:
    """Return the problem of a response, or its status."""
    problem = re.search(rb'\{"type":"[./]*problems/[^{}]*\}$', answer)
    if problem:
        content = json.loads(problem[0])
        return f"{content['status']} {content['code']}"
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)
    return statuses[-1].decode() if statuses else ""


async def silent(connection: Connection) -> str:
    """Send nothing."""
    return await connection.end()


async def half(connection: Connection) -> str:
    """Begin a request."""
    await connection.send(GET % b"/health/live")
    return await connection.end()


async def dripping(connection: Connection) -> str:
    """Send a request byte by byte."""
    ended = asyncio.create_task(connection.end())
    with suppress(ConnectionError):
        for byte in GET % b"/health/live" + b"A: a\r\n" * 100:
            if ended.done():
                break
            await connection.send(bytes([byte]))
            await asyncio.sleep(0.2)
    return await ended


async def idle(connection: Connection) -> str:
    """Send one request, and keep the connection."""
    await connection.send(PROBE)
    return await connection.end()


async def heads_without_end(connection: Connection) -> str:
    """Send one field after another."""
    return await _flooding(connection, GET % b"/", b"a: aaaaaaaa\r\n" * (SEND_BYTES // 13))


async def one_long_field(connection: Connection) -> str:
    """Send an endless field."""
    return await _flooding(connection, GET % b"/" + b"A: ", b"a" * SEND_BYTES)


async def many_fields(connection: Connection) -> str:
    """Send a request with as many fields as fit."""
    await connection.send(GET % b"/health/live" + b"a:\r\n" * 4000 + b"\r\n")
    return await connection.end()


async def announced_body(connection: Connection) -> str:
    """Announce a body of ten gigabytes, and send it."""
    head = GET % b"/health/live" + b"Content-Length: 10000000000\r\n\r\n"
    return await _flooding(connection, head, b"a" * SEND_BYTES)


async def chunked_body(connection: Connection) -> str:
    """Send an endless body of small chunks."""
    head = GET % b"/health/live" + b"Transfer-Encoding: chunked\r\n\r\n"
    return await _flooding(connection, head, b"1\r\na\r\n" * (SEND_BYTES // 6))


async def pipelining(connection: Connection) -> str:
    """Send hundreds of requests before reading a response."""
    count = 250
    sending = asyncio.create_task(connection.send(PROBE * count))
    await asyncio.sleep(1)
    answers, rest = 0, b""
    while answers < count:
        chunk = await connection.receive()
        if not chunk:
            return CLOSED
        rest += chunk
        answers += rest.count(b'{"status":"live"}')
        rest = rest[rest.rfind(b'{"status":"live"}') + 1 :][-300:]
        rest = rest.replace(b'"status":"live"}', b"")
    await sending
    return "all answered"


async def pipelining_on(connection: Connection) -> str:
    """Send requests faster than they are answered, and read the responses."""
    sending = asyncio.create_task(_flooding(connection, b"", PROBE * 1000))
    with suppress(ConnectionError):
        return await sending
    return RESET


async def pipelining_unread(connection: Connection) -> str:
    """Send requests as long as the server reads them, and read nothing."""
    with suppress(ConnectionError):
        while True:
            await connection.send(PROBE * 100)
    return RESET


async def leaving_at_once(connection: Connection) -> str:
    """Connect and disconnect."""
    connection.reset()
    return "left"


async def asking_and_leaving(connection: Connection) -> str:
    """Request a refresh, and do not wait for it."""
    await connection.send(connection.keyed(NEW_READING))
    connection.reset()
    return "left"


async def one_request(connection: Connection) -> str:
    """Send one request per connection."""
    await connection.send(GET % b"/health/live" + b"Connection: close\r\n\r\n")
    return await connection.end()


async def not_reading(connection: Connection) -> str:
    """Request large pages, and read nothing."""
    return await _unread(connection, LARGE_PAGE * 3)


async def not_reading_filtered(connection: Connection) -> str:
    """Request large filtered pages, and read nothing."""
    return await _unread(connection, FILTERED_PAGE)


async def not_reading_basic(connection: Connection) -> str:
    """Request large pages of the basic view, and read nothing."""
    return await _unread(connection, BASIC_PAGE)


async def not_reading_compressed(connection: Connection) -> str:
    """Request large compressed pages, and read nothing."""
    return await _unread(connection, COMPRESSED_PAGE)


async def not_reading_export(connection: Connection) -> str:
    """Request an export, and read nothing."""
    return await _unread(connection, EXPORT)


async def not_reading_compressed_export(connection: Connection) -> str:
    """Request a compressed export, and read nothing."""
    return await _unread(connection, COMPRESSED_EXPORT)


async def reading_by_drops(connection: Connection) -> str:
    """Request large pages, and read a little now and then."""
    await connection.send(connection.keyed(LARGE_PAGE))
    with suppress(ConnectionError):
        while await connection.receive(1000):  # noqa: ASYNC110  # it is slow on purpose
            await asyncio.sleep(0.1)
        return CLOSED
    return RESET


BENEATH_TLS = (silent, leaving_at_once)
"""Clients that send nothing, not even a handshake."""


async def _unread(connection: Connection, request: bytes) -> str:
    """Return how the connection ends, once what the client's system has buffered is read."""
    await connection.send(connection.keyed(request))
    await asyncio.sleep(UNREAD_SECONDS)
    with suppress(ConnectionError):
        while await connection.receive():
            pass
        return CLOSED
    return RESET


async def _flooding(connection: Connection, head: bytes, more: bytes) -> str:
    ended = asyncio.create_task(connection.end())
    with suppress(ConnectionError):
        await connection.send(head)
        while not ended.done():
            await connection.send(more)
    return await ended


async def _crowd(
    client: Client,
    reach: Reach,
    port: int,
    key: str,
    count: int,
    seconds: float,
    receive_bytes: int | None,
) -> Counter[str]:
    ends: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    context = client_context() if reach.is_distant and client not in BENEATH_TLS else None
    deadline = loop.time() + seconds

    async def member(number: int) -> None:
        source = reach.sources[number % len(reach.sources)] if reach.sources else ""
        await asyncio.sleep(Random(number).random() * min(1, seconds / 4))
        while loop.time() < deadline:
            connection = Connection(receive_bytes, source, key)
            try:
                async with asyncio.timeout_at(deadline + 1):
                    await connection.connect(reach.address, port)
                    if context is not None:
                        await connection.secure(context)
                    ends[await client(connection)] += 1
            except ConnectionError:
                ends[RESET] += 1
            except TimeoutError:
                ends[THERE] += 1
            finally:
                connection.socket.close()

    await asyncio.gather(*map(member, range(count)))
    return ends


def _run(client: Client, *rest: Any) -> Counter[str]:
    return asyncio.run(_crowd(client, *rest))


@cache
def _pool() -> ProcessPoolExecutor:
    """Return the process of all crowds, in turn.

    The server must not wait for its attackers, which have processors of their own.
    """
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=os.nice, initargs=(10,))


def crowd(
    client: Client,
    port: int,
    *,
    count: int,
    seconds: float,
    receive_bytes: int | None = None,
    reach: Reach = LOOPBACK,
    key: str = "",
) -> Counter[str]:
    """Run `count` hostile clients at a time for so long, and count how each ended.

    Args:
        client: what each does with a connection.
        port: the server's port.
        count: the number of clients.
        seconds: for how long they connect again.
        receive_bytes: the size of their receive buffers.
        reach: the way to the server; distant clients share its addresses.
        key: the credential of those that request what is not public.
    """
    job = _pool().submit(_run, client, reach, port, key, count, seconds, receive_bytes)
    return job.result()

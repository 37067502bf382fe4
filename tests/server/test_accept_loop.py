"""The accept loop: a client that resets before it is accepted, or is rejected, harms no other.

The Windows leg has Windows' own event loop meet clients that reset; here its errors are made, as
it reports them.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from app.server.accept_loop import (
    FAILURE_COUNT,
    PAUSE_SECONDS,
    accept_forever,
    is_not_of_acceptance,
)
from app.server.uvicorn_server import listen


class Greeting(asyncio.Protocol):
    """Says hello, and ends."""

    def connection_made(self, transport: Any) -> None:
        transport.write(b"hello")
        transport.close()


def windows_error(code: int) -> OSError:
    error = OSError(22, "as Windows has it")
    error.winerror = code  # type: ignore[attr-defined,unused-ignore]
    return error


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[OSError]:
    """The errors that accepting raises, in order."""
    failures: list[OSError] = []
    loops: Any = asyncio.SelectorEventLoop
    really: Callable[..., Any] = loops.sock_accept

    async def sock_accept(loop: Any, listener: socket.socket) -> Any:
        if failures:
            raise failures.pop(0)
        return await really(loop, listener)

    monkeypatch.setattr(loops, "sock_accept", sock_accept)
    return failures


async def greeting(port: int) -> bytes:
    stream = await anyio.connect_tcp("127.0.0.1", port)
    async with stream:
        return await stream.receive()


@pytest.mark.anyio
@pytest.mark.parametrize("code", [59, 64, 10054, 10057])
async def test_who_comes_after_a_failure_is_accepted(failures: list[OSError], code: int) -> None:
    failures += [windows_error(code)] * 2 * FAILURE_COUNT
    with listen("127.0.0.1", 0) as listener:
        listener.setblocking(False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(accept_forever, listener, Greeting)
            with anyio.fail_after(10):
                for _ in range(3):
                    assert await greeting(listener.getsockname()[1]) == b"hello"
            tasks.cancel_scope.cancel()
    assert failures == []


@pytest.mark.anyio
async def test_rejected_address_is_reset_and_others_are_accepted() -> None:
    rejected: list[str] = []

    def rejects(address: str) -> bool:
        rejected.append(address)
        return len(rejected) <= 200

    with listen("127.0.0.1", 0) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(accept_forever, listener, Greeting, rejects)
            with anyio.fail_after(20):
                for _ in range(200):
                    with pytest.raises((anyio.BrokenResourceError, OSError)):
                        await greeting(port)
                assert await greeting(port) == b"hello"
            tasks.cancel_scope.cancel()
    assert rejected == ["127.0.0.1"] * 201


@pytest.mark.anyio
async def test_lack_of_files_is_logged_once_and_waited_for(
    failures: list[OSError], caplog: pytest.LogCaptureFixture
) -> None:
    failures += [OSError(errno.EMFILE, "Too many open files")] * 3
    with listen("127.0.0.1", 0) as listener:
        listener.setblocking(False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(accept_forever, listener, Greeting)
            began = anyio.current_time()
            with anyio.fail_after(10):
                assert await greeting(listener.getsockname()[1]) == b"hello"
            assert anyio.current_time() - began >= 3 * PAUSE_SECONDS
            tasks.cancel_scope.cancel()
    assert caplog.text.count("accept_failed") == 1


@pytest.mark.anyio
async def test_a_connection_without_a_transport_is_closed_at_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connections: list[socket.socket] = []
    is_connecting = anyio.Event()

    async def connect(_protocol: object, connection: socket.socket) -> None:
        connections.append(connection)
        is_connecting.set()
        await anyio.sleep_forever()

    monkeypatch.setattr(asyncio.get_running_loop(), "connect_accepted_socket", connect)
    with listen("127.0.0.1", 0) as listener:
        listener.setblocking(False)
        before = asyncio.all_tasks()
        accepting = asyncio.create_task(accept_forever(listener, Greeting))
        async with await anyio.connect_tcp("127.0.0.1", listener.getsockname()[1]):
            await is_connecting.wait()
            ended = asyncio.all_tasks() - before
            for task in ended:
                task.cancel()
            await asyncio.wait({*ended, accepting})

    assert [connection.fileno() for connection in connections] == [-1]


@pytest.mark.anyio
async def test_it_ends_with_the_socket() -> None:
    listener = listen("127.0.0.1", 0)
    listener.close()

    with anyio.fail_after(10):
        await accept_forever(listener, Greeting)


def test_nothing_else_of_asyncio_is_kept_from_the_log() -> None:
    def record(message: str) -> logging.LogRecord:
        return logging.LogRecord("asyncio", logging.ERROR, "", 0, message, None, None)

    assert not is_not_of_acceptance(
        record(
            "Task exception was never retrieved\nfuture: <Task finished name='Task-90' "
            "coro=<IocpProactor.accept.<locals>.accept_coro() done> exception=OSError(64)>"
        )
    )
    assert is_not_of_acceptance(record("Task exception was never retrieved\nfuture: <Task>"))

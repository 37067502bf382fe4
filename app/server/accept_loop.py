"""The accept loop: it keeps the backlog empty, even in a flood of new connections.

How a connection is accepted: the loop takes it from the backlog, and `Admission` rejects it at
once, or asyncio creates its transport. A rejected connection costs some ten microseconds; a
connection left in the backlog would cost distant clients theirs, because the system ignores their
handshakes while the backlog is full.

asyncio's own loops do not serve here. The selector loop accepts its whole batch before anything
else runs. The Proactor loop, Windows' default, closes the listening socket for good if a client
resets a connection that is not accepted yet (python/cpython issue 93821), so any client could stop
the service. This loop ignores the failure and continues to accept.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from app.net.send_queue import reset_on_close


log = structlog.get_logger(__name__)

ADMITTED_COUNT: Final = 2
"""Number of connections admitted per turn of the event loop.

Each connection costs a dozen system calls, and after each call, a thread that reads the engine may
keep the loop waiting for the GIL. At 5,000 new connections per second, another client waits 2 ms
for a page; if this number were 16, it would wait 40 ms.
"""
ACCEPTED_COUNT: Final = 64
"""Connections accepted per turn, rejected ones included: less than a millisecond."""
FAILURE_COUNT: Final = 1024
"""Number of failures before a pause, in case the system causes them and not a client.

Error codes do not distinguish the two: for a client that has disconnected, Windows reports
ERROR_NETNAME_DELETED, and Wine ERROR_UNEXP_NET_ERR or WSAENOTCONN.
"""
PAUSE_SECONDS: Final = 0.1

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The errors of accept(2) that remain until the process closes a file."""


async def accept_forever(
    listener: socket.socket,
    connect: Callable[[], asyncio.Protocol],
    rejects: Callable[[str], bool] = lambda _address: False,
) -> None:
    """Accept connections until cancelled or until the socket is closed.

    Args:
        listener: a listening, non-blocking socket.
        connect: creates the protocol of a new connection.
        rejects: returns whether to reset a new connection of this address.
    """
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[None]] = set()
    accepted = admitted = failures = 0
    is_exhausted = False
    while listener.fileno() != -1:
        try:
            connection, address = await loop.sock_accept(listener)
        except OSError as error:
            failures += 1
            if error.errno in _EXHAUSTED:
                if not is_exhausted:
                    log.warning("accept_failed", reason=error.strerror)
                is_exhausted = True
            is_paused = is_exhausted or failures % FAILURE_COUNT == 0
            await asyncio.sleep(PAUSE_SECONDS if is_paused else 0)
            continue
        is_exhausted = False
        accepted += 1
        if rejects(address[0]):
            reset(connection)
        else:
            admitted += 1
            task = loop.create_task(_connect(loop, connect, connection))
            connecting.add(task)  # the loop itself keeps only a weak reference
            task.add_done_callback(connecting.discard)
            task.add_done_callback(partial(_close_if_cancelled, connection))
        if admitted == ADMITTED_COUNT or accepted == ACCEPTED_COUNT:
            accepted = admitted = 0
            await asyncio.sleep(0)


async def _connect(
    loop: asyncio.AbstractEventLoop,
    connect: Callable[[], asyncio.Protocol],
    connection: socket.socket,
) -> None:
    try:
        await loop.connect_accepted_socket(connect, connection)
    except OSError:
        connection.close()


def _close_if_cancelled(connection: socket.socket, connecting: asyncio.Task[None]) -> None:
    """Close a connection if the server has stopped before it had a transport."""
    if connecting.cancelled():
        connection.close()


def reset(connection: socket.socket) -> None:
    """Close a connection with a reset, which leaves nothing of it in the system.

    After a regular close the side that closes first keeps the connection in TIME-WAIT for minutes
    (RFC 9293, 3.6.1).
    """
    try:
        reset_on_close(connection)
    except OSError:
        pass  # the client has reset it
    finally:
        connection.close()


def is_not_of_acceptance(record: logging.LogRecord) -> bool:
    """Return False for asyncio's log record of a failed accept, True for any other record.

    asyncio logs it because the Proactor loop runs a task for each `sock_accept` and never retrieves
    the task's exception.
    """
    return "accept_coro" not in record.getMessage()

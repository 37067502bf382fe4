"""An accept loop for Windows that survives connections reset before they are accepted.

asyncio's Proactor loop closes the listening socket for good when a client resets its connection
before it is accepted (python/cpython issue 93821), so any client could take the service down.
This loop ignores such a connection and keeps accepting.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final


FAILURE_COUNT: Final = 1024
"""Failures between pauses, in case the system fails rather than a client.

Error codes do not distinguish the two: for a client that left, Windows reports
ERROR_NETNAME_DELETED, Wine ERROR_UNEXP_NET_ERR and WSAENOTCONN.
"""
PAUSE_SECONDS: Final = 0.1


async def accept_forever(listener: socket.socket, connect: Callable[[], asyncio.Protocol]) -> None:
    """Accept connections until cancelled or until the socket is closed.

    Args:
        listener: a listening, non-blocking socket.
        connect: creates the protocol of a new connection.
    """
    loop = asyncio.get_running_loop()
    failures = 0
    while listener.fileno() != -1:
        try:
            connection, _ = await loop.sock_accept(listener)
        except OSError:
            failures += 1
            await asyncio.sleep(0 if failures % FAILURE_COUNT else PAUSE_SECONDS)
            continue
        try:
            await loop.connect_accepted_socket(connect, connection)
        except OSError:
            connection.close()


def is_not_of_acceptance(record: logging.LogRecord) -> bool:
    """Return whether an asyncio log record concerns anything but a failed accept.

    The Proactor loop runs a task beside each `sock_accept` and never retrieves its exception.
    """
    return "accept_coro" not in record.getMessage()

"""An accept loop for Windows that survives connections reset before they are accepted.

asyncio's Proactor loop closes the listening socket for good if a client resets a connection that is
not accepted yet (python/cpython issue 93821), so any client could stop the service. This loop
ignores the failure and continues to accept.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final


FAILURE_COUNT: Final = 1024
"""Number of failures before a pause, in case the system causes them and not a client.

Error codes do not distinguish the two: for a client that has disconnected, Windows reports
ERROR_NETNAME_DELETED, and Wine ERROR_UNEXP_NET_ERR or WSAENOTCONN.
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
    """Return False for asyncio's log record of a failed accept, True for any other record.

    asyncio logs it because the Proactor loop runs a task for each `sock_accept` and never retrieves
    the task's exception.
    """
    return "accept_coro" not in record.getMessage()

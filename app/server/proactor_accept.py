"""Accepting connections on Windows, whatever clients do meanwhile.

asyncio's Proactor loop closes the listening socket, for ever, once a client resets its connection
before it is accepted (python/cpython issue 93821): whoever reaches the port could end the service.
Here such a connection is no more than one that is gone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final


FAILURE_COUNT: Final = 1024
"""After how many failures to wait a little: they may be no client's, but the system's.

Which are which, no list of codes tells: Windows has ERROR_NETNAME_DELETED for a client that left,
Wine ERROR_UNEXP_NET_ERR and WSAENOTCONN.
"""
PAUSE_SECONDS: Final = 0.1


async def accept_forever(listener: socket.socket, connect: Callable[[], asyncio.Protocol]) -> None:
    """Accept connections until cancelled, or until the socket is closed.

    Args:
        listener: listens, and does not block.
        connect: makes what a new connection is handed to.
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
    """Whether an entry of asyncio's is about more than a client that was not accepted.

    The Proactor loop has a task wait beside each `sock_accept`, whose failure nobody collects.
    """
    return "accept_coro" not in record.getMessage()

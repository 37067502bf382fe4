"""Connections that outlive their close until the client has read what was sent.

A regular close returns at once, and the system keeps sending: for minutes if the client does not
read, with no bound on the number of such connections or the memory that they hold. Here a
connection stays among the server's connections until its client has acknowledged everything, and is
reset if the client does not read, or if its place is needed.

Only Linux reports what a client has acknowledged. Elsewhere, a close is a regular one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from app.net.send_queue import is_reset_on_close, read_send_queue, reset_on_close
from app.server.idle_connections import IdleConnections
from app.server.read_timeout import ReadTimeout


class AcceptedSocket(socket.socket):
    """A socket whose close may be postponed.

    Attributes:
        postpones_close: returns whether its caller closes the socket later, with `close_now`.
    """

    postpones_close: Callable[[AcceptedSocket], bool] | None = None

    def close(self) -> None:
        """Close the socket, unless that is postponed; asyncio calls this last."""
        if self.postpones_close is None or not self.postpones_close(self):
            self.close_now()

    def close_now(self) -> None:
        """Close the socket."""
        self.postpones_close = None
        super().close()


class ListeningSocket(socket.socket):
    """A socket that accepts `AcceptedSocket`s.

    Attributes:
        postpones_close: the attribute of each accepted socket.
    """

    postpones_close: Callable[[AcceptedSocket], bool] | None = None

    def accept(self) -> tuple[AcceptedSocket, Any]:
        """Accept a connection."""
        connection, address = super().accept()
        accepted = AcceptedSocket(
            connection.family, connection.type, connection.proto, connection.detach()
        )
        accepted.postpones_close = self.postpones_close
        return accepted, address


class ClosingConnection:
    """A closed connection whose client has not acknowledged everything yet.

    Attributes:
        network: the client's network, as `IdleConnections.network_of` returns it.
    """

    caller = None
    is_authorized = False
    is_rejected = False
    is_silent = False

    def __init__(
        self,
        connection: AcceptedSocket,
        timeout: ReadTimeout,
        connections: set[Any],
        idle: IdleConnections,
    ) -> None:
        """Send the end of the connection after what the client has not acknowledged.

        Args:
            connection: the socket.
            timeout: the client's.
            connections: all connections; this one is added, and removed at its end.
            idle: the connections that may be evicted; likewise.

        Raises:
            OSError: the client has reset the connection.
        """
        self.network = idle.network_of(connection.getpeername()[:2])
        self._socket = connection
        self._timeout = timeout
        self._connections = connections
        self._idle = idle
        connection.shutdown(socket.SHUT_WR)
        connections.add(self)
        idle.add_closing(self)

    @property
    def unread_since(self) -> float | None:
        """When the client last had read enough, as of the last check."""
        return self._timeout.unread_since

    def enforce_limits(self, now: float) -> None:
        """End the connection if the client has acknowledged everything, or does not read.

        Args:
            now: the event loop's time, in seconds.
        """
        queue = read_send_queue(self._socket)
        if not queue.unacknowledged:
            self._end()
        elif self._timeout.is_over(queue, now):
            self.abort()

    def abort(self, _outcome: str | None = None) -> None:
        """Reset the connection."""
        with suppress(OSError):  # the client has reset it
            reset_on_close(self._socket)
        self._end()

    def shutdown(self) -> None:
        """Do nothing: the server stops, and the connection is closed already."""

    def _end(self) -> None:
        self._connections.discard(self)
        self._idle.discard(self)
        self._socket.close_now()


def postpone_close(
    connection: AcceptedSocket, seconds: float, connections: set[Any], idle: IdleConnections
) -> bool:
    """Keep a socket open in a `ClosingConnection` if its client has not acknowledged everything.

    Args:
        connection: the socket to be closed.
        seconds: how long the client may not read.
        connections: all connections.
        idle: the connections that may be evicted.
    """
    with suppress(OSError):  # the client has reset it
        if read_send_queue(connection).unacknowledged and not is_reset_on_close(connection):
            ClosingConnection(connection, ReadTimeout(seconds), connections, idle)
            return True
    return False

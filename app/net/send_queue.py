"""The send queue of a TCP connection: what its client has not acknowledged.

A response that fits in the system's send queue has left this process, whether or not its client
reads. Only the system knows how much of it has arrived.
"""

from __future__ import annotations

import socket
import struct
import sys
from asyncio.trsock import TransportSocket
from typing import Final, NamedTuple


class SendQueue(NamedTuple):
    """The progress of a connection.

    Attributes:
        acknowledged: bytes that the client has acknowledged since it connected.
        unacknowledged: bytes written, but not acknowledged yet.
    """

    acknowledged: int
    unacknowledged: int


UNKNOWN: Final = SendQueue(0, 0)
"""The progress on systems other than Linux, which do not report it."""

_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""`struct linger`: two `u_short` in winsock2.h, two `int` in POSIX."""


def reset_on_close(connection: socket.socket | TransportSocket) -> None:
    """Have the connection's close discard the send queue and reset the connection.

    After a regular close, the system would keep the queue for minutes while the client does not
    read (RFC 9293, 3.8.6.1).

    Raises:
        OSError: the socket is closed.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def is_reset_on_close(connection: socket.socket) -> bool:
    """Return whether `reset_on_close` was called."""
    size = len(_RESET_ON_CLOSE)
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, size) == _RESET_ON_CLOSE


if sys.platform == "linux":
    import fcntl
    import termios

    # struct tcp_info (linux/tcp.h): tcpi_state is its first byte.
    _ACKNOWLEDGED: Final = struct.Struct("120xQ")  # tcpi_bytes_acked
    _QUEUED: Final = struct.Struct("i")
    _CLOSED: Final = 7  # TCP_CLOSE (net/tcp_states.h)

    def read_send_queue(connection: socket.socket | TransportSocket) -> SendQueue:
        """Return the progress of a connection, in two system calls.

        Raises:
            OSError: the socket is closed, or no TCP socket.
        """
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED.size)
        (acknowledged,) = _ACKNOWLEDGED.unpack(info)
        if info[0] == _CLOSED:  # the client has reset it, and Linux has freed the queue
            return SendQueue(acknowledged, 0)
        # SIOCOUTQ, which is TIOCOUTQ: unacknowledged bytes, sent or not (tcp(7)).
        queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(_QUEUED.size))
        return SendQueue(acknowledged, *_QUEUED.unpack(queued))

else:

    def read_send_queue(connection: socket.socket | TransportSocket) -> SendQueue:  # noqa: ARG001
        """Return `UNKNOWN`: only Linux reports what its queue holds."""
        return UNKNOWN

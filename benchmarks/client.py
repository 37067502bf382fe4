"""An HTTP client that costs next to nothing: one connection, one request at a time."""

from __future__ import annotations

import re
import socket
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType


PATH = "/sa-contexts"
HEAD_END = b"\r\n\r\n"
TIMEOUT_SECONDS = 300
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_NEXT = re.compile(rb'\r\nlink: <([^>]+)>; rel="next"\r\n', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of status 200: its head, and the length of its body."""

    head: bytes
    length: int

    @property
    def next_target(self) -> str | None:
        """Where the list goes on."""
        link = _NEXT.search(self.head)
        return "/" + link[1].decode() if link else None


class Client(AbstractContextManager["Client"]):
    """One connection to a server of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = _connected(port)
        self._buffer = bytearray(1 << 16)
        self._body = slice(0)

    def reconnect(self) -> None:
        """Begin a new connection: servers close one that was idle for some seconds."""
        self._socket.close()
        self._socket = _connected(self._port)

    def get(self, target: str) -> Answer:
        """Ask for a target, and read the whole answer."""
        self._socket.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = self._receive(0)
        while (end := self._buffer.find(HEAD_END, 0, received)) < 0:
            received += self._receive(received)
        begin = end + len(HEAD_END)
        head = bytes(self._buffer[:begin])
        length = _LENGTH.search(head)
        assert head.startswith(b"HTTP/1.1 200 "), f"{target}: {bytes(self._buffer[:received])!r}"
        assert length, f"{target}: no length"
        total = begin + int(length[1])
        self._body = slice(begin, total)
        if total > len(self._buffer):
            self._buffer.extend(bytes(total - len(self._buffer)))
        while received < total:
            received += self._receive(received)
        return Answer(head, total - begin)

    @property
    def body(self) -> bytes:
        """The body of the last answer, copied only when somebody wants to see it."""
        return bytes(self._buffer[self._body])

    def _receive(self, offset: int) -> int:
        with memoryview(self._buffer) as view:
            count = self._socket.recv_into(view[offset:])
        assert count, "the server closed the connection"
        return count

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection

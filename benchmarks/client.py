"""An HTTP client that takes little processor time: one connection, one request at a time."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType


PATH = "/sa-contexts"
NEWEST = f"{PATH}?maxAge=86400"
"""The target of a list that starts on the newest snapshot, even if that is a day old."""
ANEW = f"{PATH}/summary?maxAge=0"
"""A target that waits for a refresh and takes no lease."""

MIN_REST_SECONDS = 0.3
"""A little more than the default minimum interval between refreshes."""

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
TIMEOUT_SECONDS = 300
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_NEXT = re.compile(rb'\r\nlink: <([^>]+)>; rel="next"\r\n', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with status 200: its head, and the length of its body."""

    head: bytes
    length: int

    @property
    def next_target(self) -> str | None:
        """Return the target of the next page; None on the last page."""
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
        """Open a new connection, because servers close connections after some idle seconds."""
        self._socket.close()
        self._socket = _connected(self._port)

    def get(self, target: str, *headers: str) -> Answer:
        """Request a target, and read the whole response."""
        self.ask(target, *headers)
        return self.answer()

    def ask(self, target: str, *headers: str) -> None:
        """Send a request; `answer` reads the response."""
        lines = (f"GET {target} HTTP/1.1", "Host: localhost", *headers, "", "")
        self._socket.sendall("\r\n".join(lines).encode())

    def answer(self) -> Answer:
        """Read the whole response to the last request."""
        received = self._receive(0)
        while (end := self._buffer.find(HEAD_END, 0, received)) < 0:
            received += self._receive(received)
        begin = end + len(HEAD_END)
        head = bytes(self._buffer[:begin])
        assert head.startswith(b"HTTP/1.1 200 "), bytes(self._buffer[:received])
        length = _LENGTH.search(head)
        if length is None:  # sent in chunks; the last one is empty
            while not self._buffer.endswith(LAST_CHUNK, 0, received):
                received += self._receive(received)
            total = received
        else:
            total = begin + int(length[1])
            while received < total:
                received += self._receive(received)
        self._body = slice(begin, total)
        return Answer(head, total - begin)

    @property
    def body(self) -> bytes:
        """Return a copy of the last response's body."""
        return bytes(self._buffer[self._body])

    def has_refreshed(self) -> bool:
        """Return whether the server has tried to read the engine."""
        self.get("/engine")
        return "lastRefresh" in json.loads(self.body)

    def last_refresh_seconds(self) -> float:
        """Return the duration of the server's last refresh."""
        self.get("/engine")
        seconds: float = json.loads(self.body)["lastRefresh"]["durationSeconds"]
        return seconds

    def rest(self) -> None:
        """Wait until the server may refresh again, then open a new connection."""
        time.sleep(self.last_refresh_seconds() + MIN_REST_SECONDS)
        self.reconnect()

    def _receive(self, offset: int) -> int:
        if offset == len(self._buffer):
            self._buffer.extend(bytes(offset))
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

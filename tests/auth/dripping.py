"""An issuer that sends a byte at a time, for as long as its client listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from queue import SimpleQueue
from threading import Event, Thread


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n"
DRIPS: dict[str, bytes] = {
    "nothing": b"",
    "head": HEAD[:-4] + b"\r\nX: ",
    "body": HEAD,
    "handshake": b"\x16\x03\x03\x40\x00\x02",  # a record (RFC 8446, 5.1) with a ServerHello
}
"""What it sends at once, before the drip, by the stage that it never ends."""
DRIP = b" "
PAUSE_SECONDS = 0.05


@dataclass
class Dripping:
    """The issuer.

    Attributes:
        url: its URL.
        connections: how many it has accepted.
        left: gets an item whenever a client has left.
    """

    url: str
    connections: int = 0
    left: SimpleQueue[None] = field(default_factory=SimpleQueue)


@contextmanager
def dripping(stage: str) -> Iterator[Dripping]:
    """Run the issuer; it never ends `stage`, one of `DRIPS`."""
    scheme = "https" if stage == "handshake" else "http"
    is_over = Event()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        issuer = Dripping(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                client.recv(1 << 16)
                drips = repeat(DRIP) if stage != "nothing" else repeat(b"")
                for drip in chain([DRIPS[stage]], drips):
                    if is_over.wait(PAUSE_SECONDS):
                        break
                    client.sendall(drip)
                    client.setblocking(False)
                    with suppress(BlockingIOError):
                        if not client.recv(1):
                            break
                    client.setblocking(True)
            issuer.left.put(None)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    issuer.connections += 1
                    Thread(target=serve, args=(client,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        try:
            yield issuer
        finally:
            is_over.set()
            listener.shutdown(socket.SHUT_RDWR)

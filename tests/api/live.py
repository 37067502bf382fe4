"""Run a server on a real socket in a thread, and read its event streams."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Self

import httpx2

from app.bootstrap import create_service
from app.main import create_app
from app.server import uvicorn_server as server
from app.settings.limits import ConnectionLimits
from app.settings.model import Settings
from tests.conftest import SIMULATOR_PATH
from tests.sse import Event, Parser


PATH = "/sa-contexts/events"


class Live:
    """A running server.

    Attributes:
        service: the service behind it.
        client: a client of it.
    """

    def __init__(self, **settings: Any) -> None:
        made = Settings(
            library=SIMULATOR_PATH,
            simulated_churn=0,
            **{
                "refresh_min_interval_seconds": 0,
                "refresh_interval_seconds": 3600,
                "refresh_debounce_seconds": 0,
            }
            | settings,
        )
        self.service = create_service(made)
        self._listener = server.listen("127.0.0.1", 0)
        self.address = self._listener.getsockname()
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.address[1]}", timeout=10)
        application = create_app(self.service)
        self._server = server.create_server(
            application,
            self.service.stop,
            made.limits(ConnectionLimits),
            application.state.on_rejection,
            base_path=made.base_path,
        )
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.stop()

    def begin_stop(self) -> None:
        """Request a stop, as a signal does."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Stop the server and wait until it has ended."""
        self.begin_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    @contextmanager
    def stream(self, query: str = "", **headers: str) -> Iterator[Stream]:
        """Open an event stream."""
        with self.client.stream("GET", f"{PATH}{query}", headers=headers) as response:
            yield Stream(response)

    def until_streams(self, count: int) -> None:
        """Wait until this many streams are open."""
        deadline = time.monotonic() + 10
        while self.service.streams.count != count:
            assert time.monotonic() < deadline, self.service.streams.count
            self.client.get("/health/live")

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._server.serve([self._listener]))
        loop.close()


class Stream:
    """An event stream, read as a client reads it.

    Attributes:
        response: the response, without its body.
        text: everything read so far.
    """

    def __init__(self, response: httpx2.Response) -> None:
        assert response.status_code == 200, response.read()
        self.response = response
        self.text = b""
        self.parser = Parser()
        self._pieces = response.iter_raw()
        self._events: list[Event] = []

    def next(self) -> Event:
        """Return the next event."""
        while not self._events:
            piece = next(self._pieces)
            self.text += piece
            self._events += self.parser.feed(piece)
        return self._events.pop(0)

    def rest(self) -> list[Event]:
        """Return all events until the server ends the stream, which it does after an event."""
        for piece in self._pieces:
            self.text += piece
            self._events += self.parser.feed(piece)
        assert self.parser.is_between_events
        events, self._events = self._events, []
        return events


def deaf_client(port: int, query: str) -> socket.socket:
    """Open a stream and never read it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {PATH}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client

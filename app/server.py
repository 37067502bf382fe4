"""Serving an application with uvicorn."""

from __future__ import annotations

import gc
import socket
import sys
from asyncio import BaseTransport
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import h11
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.problems import BAD_REQUEST, MEDIA_TYPE, ProblemError, problem_text


log = structlog.get_logger(__name__)

GIL_SWITCH_SECONDS: Final = 0.0005
"""How long a thread that reads the engine may keep the one that answers requests waiting.

Python's own 5 ms would be felt in every request during a drain; see benchmarks/.
"""
GRACE_SECONDS: Final = 10
"""How long requests may take to end when the server is told to stop."""
STARTUP_FAILED: Final = 3


class PromptProtocol(H11Protocol):
    """Sends what is written at once, and refuses what is not HTTP with a problem.

    asyncio's Proactor loop, Windows' default, leaves Nagle's algorithm on for
    the sockets that it accepts, and uvicorn writes head and body separately:
    a small response would wait for the client's delayed acknowledgement, some
    40 ms.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Turn Nagle's algorithm off, where the connection is one of TCP."""
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn's own is narrower

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request, and close the connection."""
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
        body = problem_text(ProblemError(BAD_REQUEST, msg), "/")
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class Server(uvicorn.Server):
    """A server that tells when it begins to stop, before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: let go of who waits, then wait for the rest."""
        self._on_stop()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free.

    Raises:
        OSError: there is no such address, or the port is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address, family=family)


def run(application: ASGIApp, listener: socket.socket, on_stop: Callable[[], None]) -> None:
    """Serve until told to stop; requests under way may end.

    Args:
        application: what answers.
        listener: where from.
        on_stop: called in the event loop when the server begins to stop.
    """
    sys.setswitchinterval(GIL_SWITCH_SECONDS)
    # What there is now stays; not looking at it again makes each collection short.
    gc.collect()
    gc.freeze()
    server = Server(
        uvicorn.Config(
            application,
            http=PromptProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        on_stop,
    )
    host, port = listener.getsockname()[:2]
    log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(STARTUP_FAILED)

"""Serving an application with uvicorn."""

from __future__ import annotations

import gc
import socket
import sys
from asyncio import BaseTransport
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol


GIL_SWITCH_SECONDS: Final = 0.0005
"""How long a thread that reads the engine may keep the one that answers requests waiting.

Python's own 5 ms would be felt in every request during a drain; see benchmarks/.
"""
GRACE_SECONDS: Final = 10
"""How long requests may take to end when the server is told to stop."""


class PromptProtocol(H11Protocol):
    """Sends what is written at once.

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


def run(application: ASGIApp, host: str, port: int) -> None:
    """Serve until told to stop; requests under way may end."""
    sys.setswitchinterval(GIL_SWITCH_SECONDS)
    # What there is now stays; not looking at it again makes each collection short.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        application,
        host=host,
        port=port,
        http=PromptProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )

"""Serving an application with uvicorn."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, Final, NoReturn, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from app.api.problems import ProblemError
from app.connection import Connection, Waiting
from app.limits import ConnectionLimits
from bindings.console import console_events


log = structlog.get_logger(__name__)


GIL_SWITCH_SECONDS: Final = 0.0005
"""How long a thread that reads the engine may keep the one that answers requests waiting.

Python's own 5 ms would be felt in every request during a drain; see benchmarks/.
"""
GRACE_SECONDS: Final = 10
"""How long requests may take to end when the server is told to stop."""
STARTUP_FAILED: Final = 3
BACKLOG: Final = 2048
"""How many connections may wait to be accepted; who finds no room tries again a second later."""
ACCEPT_COUNT: Final = 2
"""How many connections are accepted before others are served again.

Each costs a dozen calls of the system, after each of which a thread that reads the engine may keep
the loop waiting, and soon a request. asyncio would accept as many as may wait. Under 5,000 new
connections a second a client beside them waits 2 ms for a page, and 40 where this is 16.
"""
RECEIVE_BYTES: Final = 32 << 10
"""What the system may keep for a connection until it is read, and so what one reading gives.

Requests are small. What clients send ahead would otherwise be read by the quarter of a megabyte.
"""

THREAD_SECONDS: Final = 0.1
"""How long threads may take to end that have nothing to do any more."""

_CUT_OFF: Final = "ASGI callable returned without completing response."
"""uvicorn's words."""


class Server(uvicorn.Server):
    """A server that holds clients to their limits, and tells when it begins to stop."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections; more of them may wait than asyncio accepts at once."""
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        """Look at every connection once a second; uvicorn calls this ten times as often."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in cast(set[Connection], self.server_state.connections).copy():
                connection.enforce_limits(now)
        return await super().on_tick(counter)

    def stop(self) -> None:
        """Begin to stop soon; any thread may call this."""
        self.should_exit = True

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
    listener = socket.create_server(address, family=family, backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)  # theirs are alike
    return listener


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether an entry is not about a client's mistake.

    uvicorn warns of each, and clients could fill a disk with them; they are told instead.
    An export that is cut off because its client hardly reads is taken for one of ours.
    """
    return record.levelno != logging.WARNING and record.msg != _CUT_OFF


def create_server(
    application: ASGIApp,
    on_stop: Callable[[], None],
    limits: ConnectionLimits | None = None,
    on_refusal: Callable[[ProblemError], None] = lambda _problem: None,
) -> Server:
    """A server that is not yet running.

    Args:
        application: what answers.
        on_stop: called in the event loop when the server begins to stop.
        limits: what clients may take.
        on_refusal: is told of problems that are answered before the application is asked.
    """
    limits = limits or ConnectionLimits()
    config = uvicorn.Config(
        application,
        http=cast(Any, partial(Connection, limits, Waiting(), on_refusal)),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=ACCEPT_COUNT,
        proxy_headers=False,  # who asks is told by the connection, not by what anyone may write
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    return Server(config, on_stop)


def run(server: Server, listener: socket.socket, *, in_console: bool = True) -> None:
    """Serve what comes to `listener` until told to stop; requests under way may end.

    Args:
        server: what serves.
        listener: where connections come from.
        in_console: whether the events of a console tell it to stop, too.
    """
    sys.setswitchinterval(GIL_SWITCH_SECONDS)
    # What there is now stays; not looking at it again makes each collection short.
    gc.collect()
    gc.freeze()
    host, port = listener.getsockname()[:2]
    log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    console = console_events(server.stop) if in_console else nullcontext()
    with suppress(KeyboardInterrupt), console:
        server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(STARTUP_FAILED)


def leave_what_hangs() -> None:
    """Where a thread is in a call of the engine that hangs, end the process here, successfully.

    All is done by now that ends in good order. Python would wait for such a thread, whose session
    it could not unsubscribe either (see `bindings.subscriptions`). Nor may the interpreter be torn
    down while there is a subscription, for the library may call back at any time. Ending the
    process ends all threads, and the engine closes the sessions of a process that is gone
    (FwpmEngineOpen0, fwpmu.h).
    """
    deadline = time.monotonic() + THREAD_SECONDS
    others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    left = [thread for thread in others if not thread.daemon]
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in left):
        log.warning("engine_hangs", note="the process ends without it")
        leave(0)


def leave(code: int) -> NoReturn:
    """End the process here, whatever its threads are at."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

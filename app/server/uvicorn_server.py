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
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Final, NoReturn, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from app.server.proactor_accept import accept_forever, is_not_of_acceptance
from app.server.protocol import IdleConnections, LimitedH11Protocol, OnRefusal
from app.server.security_headers import security_headers
from app.server.tls.certificates import CertificateReloader, HandshakeOutcome
from app.server.tls.protocol import TlsProtocol
from app.settings.limits import ConnectionLimits
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

POLL_SECONDS: Final = 1.0
"""How often is looked whether the files of TLS have changed."""

THREAD_SECONDS: Final = 0.1
"""How long threads may take to end that have nothing to do any more."""

_PROACTOR: Final[type[asyncio.AbstractEventLoop] | tuple[()]] = getattr(
    asyncio, "ProactorEventLoop", ()
)
"""Windows' event loop, where there is one."""
_CUT_OFF: Final = "ASGI callable returned without completing response."
"""uvicorn's words."""


class Server(uvicorn.Server):
    """A server that holds clients to their limits, and tells when it begins to stop.

    Attributes:
        tls: what connections are secured with, if they are.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_stop: Callable[[], None],
        tls: CertificateReloader | None = None,
    ) -> None:
        super().__init__(config)
        self.tls = tls
        self._on_stop = on_stop
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections; more of them may wait than asyncio accepts at once."""
        sockets = sockets or []
        if isinstance(asyncio.get_running_loop(), _PROACTOR):
            await super().startup([])
            for listener in sockets:
                listener.setblocking(False)
                self._tasks.append(asyncio.create_task(accept_forever(listener, self._connect)))
        else:
            await super().startup(sockets)
        if self.tls is not None:
            self._tasks.append(asyncio.create_task(_watch_certificates(self.tls)))
        for listener in sockets:
            listener.listen(BACKLOG)
            log.info("listening", url=self._url(listener))

    async def on_tick(self, counter: int) -> bool:
        """Look at every connection once a second; uvicorn calls this ten times as often."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in cast(set[LimitedH11Protocol], self.server_state.connections).copy():
                connection.enforce_limits(now)
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals as uvicorn does, which at the end has the process die of them."""
        with super().capture_signals():
            yield
            if self.started:
                log.info("stopped")
            _flush_log()

    def stop(self) -> None:
        """Begin to stop soon; any thread may call this."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: let go of who waits, then wait for the rest."""
        self._on_stop()
        for task in self._tasks:
            task.cancel()
        await super().shutdown(sockets)

    def _url(self, listener: socket.socket) -> str:
        """Return the URL of the server's root at a listening socket."""
        host, port = listener.getsockname()[:2]
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def _connect(self) -> asyncio.Protocol:
        """What a new connection is handed to, made as uvicorn does."""
        make = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


async def _watch_certificates(tls: CertificateReloader) -> None:
    """Look at the files of TLS until cancelled; a disk that hangs keeps nobody else waiting."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        await asyncio.to_thread(tls.poll)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free.

    Raises:
        OSError: there is no such address, or the port is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # Else another program could bind the same port, and take what is meant for this one:
            # learn.microsoft.com, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE".
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)  # theirs are alike
    except OSError:
        listener.close()
        raise
    return listener


def _drop_client_noise(record: logging.LogRecord) -> bool:
    """Whether an entry is not about a client's mistake.

    uvicorn warns of each, and clients could fill a disk with them; they are told instead.
    An export that is cut off because its client hardly reads is taken for one of ours.
    """
    return record.levelno != logging.WARNING and record.msg != _CUT_OFF


def create_server(
    application: ASGIApp,
    on_stop: Callable[[], None],
    limits: ConnectionLimits | None = None,
    on_refusal: OnRefusal = lambda _problem, _address: None,
    tls: CertificateReloader | None = None,
    on_handshake: Callable[[HandshakeOutcome], None] = lambda _outcome: None,
) -> Server:
    """A server that is not yet running.

    Args:
        application: what answers.
        on_stop: called in the event loop when the server begins to stop.
        limits: what clients may take.
        on_refusal: is told of problems that are answered before the application is asked, and to
            which address.
        tls: what to secure connections with, if they are to be.
        on_handshake: is told how the handshake of each connection ended.
    """
    limits = limits or ConnectionLimits()
    waiting = IdleConnections()
    connect = partial(LimitedH11Protocol, limits, waiting, on_refusal)
    protocol: Callable[..., asyncio.Protocol] = connect
    if tls is not None:
        SSLProtocol.max_size = RECEIVE_BYTES  # each connection's buffer; asyncio's has 256 kB
        protocol = partial(TlsProtocol, lambda: tls.context, limits, waiting, on_handshake, connect)
    config = uvicorn.Config(
        application,
        http=cast(Any, protocol),
        headers=security_headers(is_secured=tls is not None),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=ACCEPT_COUNT,
        proxy_headers=False,  # who asks is told by the connection, not by what anyone may write
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    logging.getLogger("uvicorn.error").addFilter(_drop_client_noise)
    logging.getLogger("asyncio").addFilter(is_not_of_acceptance)
    return Server(config, on_stop, tls)


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
    console = console_events(server.stop) if in_console else nullcontext()
    with suppress(KeyboardInterrupt), console:
        server.run(sockets=[listener])
    _flush_log()
    if not server.started:
        raise SystemExit(STARTUP_FAILED)


def _flush_log() -> None:
    """Have written what was logged, by a thread of its own, before the process may end."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def exit_despite_hung_threads() -> None:
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
        exit_now(0)


def exit_now(code: int) -> NoReturn:
    """End the process here, whatever its threads are at."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

"""Run an ASGI application with uvicorn, within the limits of connections."""

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
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from math import ceil
from typing import Any, Final, NoReturn, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from app.files.watching import watch_files
from app.repository.changes.streams import CLOSE_SECONDS
from app.server.accept_loop import accept_forever, is_not_of_acceptance
from app.server.admission import Admission
from app.server.closing_connections import ListeningSocket, postpone_close
from app.server.idle_connections import IdleConnections
from app.server.protocol import SEND_BYTES, UNSENT_BYTES, LimitedH11Protocol
from app.server.rejections import OnRejection, RejectionDelay
from app.server.security_headers import security_headers
from app.server.selector_transport import end_connections_once, read_little_at_a_time
from app.server.tls.certificates import CertificateReloader, HandshakeOutcome
from app.server.tls.handshake_queue import HandshakeQueue
from app.server.tls.protocol import TlsProtocol
from app.settings.limits import ConnectionLimits
from bindings.console import console_events


log = structlog.get_logger(__name__)


GIL_SWITCH_SECONDS: Final = 0.0005
"""How long a thread that reads the engine may keep the event loop waiting for the GIL.

Python's default of 5 ms would slow every request during a refresh; see benchmarks/.
"""
CONNECTIONS_AT_ONCE: Final = 16
"""How many connections to check in one iteration of the event loop: if all of them have exceeded a
limit, their end takes some 20 ms."""
GRACE_SECONDS: Final = CLOSE_SECONDS + 0.1
"""How long responses may take to complete once the server stops; streams end a little earlier."""
STARTUP_FAILED: Final = 3
BACKLOG: Final = 4096
"""Maximum number of connections waiting to be accepted; further clients retry after a second.

It fills only while the event loop is busy otherwise: what exceeds the limits is accepted, too, and
reset. Linux allows no more by default (net.core.somaxconn).
"""
PROACTOR_ACCEPTS: Final = 8
"""Accepts under way at a time with Windows' event loop, which completes each in a turn of its own.

Its accept loop would otherwise take one connection per turn, fewer than a flood brings.
"""
RECEIVE_BYTES: Final = 32 << 10
"""The receive buffer of a connection, which limits how much is read at a time.

Requests are small. With the default, pipelined input would be read 256 KiB at a time.
"""

THREAD_SECONDS: Final = 0.1
"""How long finished threads may take to exit."""

Background = Callable[[], Coroutine[Any, Any, None]]
"""Work that runs in the server's event loop until it is cancelled."""

_PROACTOR: Final[type[asyncio.AbstractEventLoop] | tuple[()]] = getattr(
    asyncio, "ProactorEventLoop", ()
)
"""The class of Windows' event loop; an empty tuple on other platforms."""
_CUT_OFF: Final = "ASGI callable returned without completing response."
"""uvicorn's message for an application that returns before its response is complete."""


class Server(uvicorn.Server):
    """A uvicorn server that enforces the limits of connections and calls `on_stop` at its stop.

    Attributes:
        tls: the certificates in use; None: plain HTTP.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_stop: Callable[[], None],
        limits: ConnectionLimits,
        idle: IdleConnections,
        admission: Admission,
        tls: CertificateReloader | None = None,
        background: Sequence[Background] = (),
    ) -> None:
        super().__init__(config)
        self.tls = tls
        self._admission = admission
        self._on_stop = on_stop
        self._postpones_close = partial(
            postpone_close,
            seconds=limits.send_timeout_seconds,
            connections=self.server_state.connections,
            idle=idle,
        )
        self._background = background
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        sockets = sockets or []
        await super().startup([])
        is_proactor = isinstance(asyncio.get_running_loop(), _PROACTOR)
        for listener in sockets:
            if isinstance(listener, ListeningSocket):
                listener.postpones_close = self._postpones_close
            listener.setblocking(False)
            for _ in range(PROACTOR_ACCEPTS if is_proactor else 1):
                accepting = accept_forever(listener, self._connect, self._admission.rejects)
                self._tasks.append(asyncio.create_task(accepting))
        if self.tls is not None:
            self._tasks.append(asyncio.create_task(watch_files(self.tls.poll)))
        self._tasks += [asyncio.create_task(run()) for run in self._background]
        for listener in sockets:
            log.info("listening", url=self._url(listener))

    async def on_tick(self, counter: int) -> bool:
        """Enforce the limits of all connections once a second; uvicorn ticks ten times as often."""
        if counter % 10 == 0:
            await self._enforce_limits()
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture signals as uvicorn does, and flush the log before uvicorn raises them again."""
        with super().capture_signals():
            yield
            if self.started:
                log.info("stopped")
            _flush_log()

    def stop(self) -> None:
        """Request a stop; any thread may call this."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Call `on_stop`, stop accepting, and wait for the requests in progress."""
        self._on_stop()
        for task in self._tasks:
            task.cancel()
        ending = asyncio.create_task(self._end_connections())
        await super().shutdown(sockets)
        ending.cancel()

    @property
    def _connections(self) -> set[LimitedH11Protocol]:
        return cast(set[LimitedH11Protocol], self.server_state.connections)

    async def _enforce_limits(self) -> None:
        now = asyncio.get_running_loop().time()
        for count, connection in enumerate(self._connections.copy(), 1):
            if connection in self._connections:  # it may have ended while others had their turns
                connection.enforce_limits(now)
            if count % CONNECTIONS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _end_connections(self) -> None:
        """Abort the connections that are still open after the grace period."""
        loop = asyncio.get_running_loop()
        end = loop.time() + GRACE_SECONDS
        while loop.time() < end:
            await self._enforce_limits()
            await asyncio.sleep(0.1)
        for connection in self._connections.copy():
            connection.abort("server_stops")

    def _url(self, listener: socket.socket) -> str:
        """Return the URL of the server's root at a listening socket."""
        host, port = listener.getsockname()[:2]
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def _connect(self) -> asyncio.Protocol:
        """Create the protocol of a new connection as uvicorn does."""
        create = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return create(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 selects any free port.

    Raises:
        OSError: the address does not exist, or the port is in use.
    """
    listener = bind(host, port)
    try:
        listener.listen(BACKLOG)
        # Accepted connections inherit these.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    except OSError:
        listener.close()
        raise
    return listener


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound, but does not listen.

    Raises:
        socket.gaierror: the name has no address.
        OSError: the address is not this host's, or the port is in use.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = ListeningSocket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # Otherwise another program could bind the same port and receive our connections
            # (learn.microsoft.com, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _drop_client_noise(record: logging.LogRecord) -> bool:
    """Return False for uvicorn's log records that clients cause, True for all others.

    uvicorn logs a warning for each invalid request, so clients could fill a disk; the client gets a
    problem instead. uvicorn also logs an error if an export is cut off because its client reads too
    slowly.
    """
    return record.levelno != logging.WARNING and record.msg != _CUT_OFF


def create_server(
    application: ASGIApp,
    on_stop: Callable[[], None],
    limits: ConnectionLimits | None = None,
    on_rejection: OnRejection = lambda _problem, _address: None,
    tls: CertificateReloader | None = None,
    on_handshake: Callable[[HandshakeOutcome], None] = lambda _outcome: None,
    on_handshake_step: Callable[[float], None] = lambda _seconds: None,
    admission: Admission | None = None,
    base_path: str | None = None,
    background: Sequence[Background] = (),
) -> Server:
    """Create a server that is not running yet.

    Args:
        application: the ASGI application.
        on_stop: called in the event loop when the server begins to stop.
        limits: the limits of connections.
        on_rejection: called with the problem and the client's address whenever a problem is sent
            before the application runs.
        tls: the certificates; None: plain HTTP.
        on_handshake: called with the outcome of each TLS handshake.
        on_handshake_step: called with the seconds that each step of a handshake took.
        admission: decides which connections are admitted; None: it knows of no accepted credential.
        base_path: the prefix to remove from the paths of requests; None: none.
        background: what else runs in the event loop until the server stops.
    """
    end_connections_once()
    read_little_at_a_time()
    limits = limits or ConnectionLimits()
    admission = admission or Admission(limits)
    idle = IdleConnections(limits, admission)
    connect = partial(
        LimitedH11Protocol,
        *(limits, idle, RejectionDelay(), on_rejection),
        base_path=base_path or "",
    )
    protocol: Callable[..., asyncio.Protocol] = connect
    if tls is not None:
        SSLProtocol.max_size = RECEIVE_BYTES  # buffer of a connection; asyncio's default is 256 KiB
        queue = HandshakeQueue(admission.is_verified)
        protocol = partial(
            TlsProtocol,
            *(lambda: tls.context, limits, idle, queue),
            *(on_handshake, on_handshake_step, connect),
        )
    config = uvicorn.Config(
        application,
        http=cast(Any, protocol),
        headers=security_headers(is_secured=tls is not None),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `app.middleware.forwarded_client` replaces it
        timeout_keep_alive=limits.keepalive_timeout_seconds,
        timeout_graceful_shutdown=ceil(GRACE_SECONDS),
    )
    logging.getLogger("uvicorn.error").addFilter(_drop_client_noise)
    logging.getLogger("asyncio").addFilter(is_not_of_acceptance)
    return Server(config, on_stop, limits, idle, admission, tls, background)


def run(server: Server, listener: socket.socket, *, in_console: bool = True) -> None:
    """Serve connections from `listener` until stopped; requests in progress may finish.

    Args:
        server: the server.
        listener: the listening socket.
        in_console: whether console events stop the server, too.

    Raises:
        SystemExit: the server could not start; the status is `STARTUP_FAILED`.
    """
    sys.setswitchinterval(GIL_SWITCH_SECONDS)
    # Objects that exist now live until the end; freezing them shortens each garbage collection.
    gc.collect()
    gc.freeze()
    console = console_events(server.stop) if in_console else nullcontext()
    with suppress(KeyboardInterrupt), console:
        server.run(sockets=[listener])
    _flush_log()
    if not server.started:
        raise SystemExit(STARTUP_FAILED)


def _flush_log() -> None:
    """Wait until the log's thread has written all entries, or until its timeout."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def exit_despite_hung_threads() -> None:
    """Exit the process with status 0 if a thread hangs in a call of the engine.

    Call it last, after everything that can be closed is closed. A normal exit would wait for the
    thread. The subscription of the hung session cannot be closed either, and the interpreter must
    not be torn down while a subscription exists, because the library may call back at any time
    (see `bindings.subscriptions`). When the process ends, the engine closes its sessions
    (FwpmEngineOpen0, fwpmu.h).
    """
    deadline = time.monotonic() + THREAD_SECONDS
    others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    remaining = [thread for thread in others if not thread.daemon]
    for thread in remaining:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in remaining):
        log.warning("engine_hung", note="the process ends without it")
        exit_now(0)


def exit_now(code: int) -> NoReturn:
    """Flush the output and exit without waiting for other threads."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a Windows service has neither
            stream.flush()
    os._exit(code)

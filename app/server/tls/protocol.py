"""The beginning of a connection over TLS, which costs no more than one that waits.

asyncio can secure what a server accepts by itself, but tells of a connection only once that is
done, and keeps to the one `ssl.SSLContext` that it was given. What is here counts connections from
their first moment, and asks for the context each time.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from app.net.networks import client_network
from app.server.protocol import LINGER_SECONDS, IdleConnections, LimitedH11Protocol, over_share
from app.server.tls import alerts
from app.server.tls.certificates import HandshakeOutcome
from app.settings.limits import ConnectionLimits


HIGH_WATER: Final = 64 << 10
"""At how many bytes that wait to be encrypted no more is written, as without TLS; asyncio's own
half a megabyte would let a client that does not read cost that more."""


class TlsProtocol(asyncio.Protocol):
    """A connection that is not secured yet, made by uvicorn for each that it accepts.

    Attributes:
        network: whose it is.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        limits: ConnectionLimits,
        waiting: IdleConnections,
        on_end: Callable[[HandshakeOutcome], None],
        connect: Callable[..., LimitedH11Protocol],
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Make one.

        Args:
            context: gives what to secure it with.
            limits: what it may take; it has to be secured in the time that one may be idle.
            waiting: those that may have to make room.
            on_end: is told how it went.
            connect: makes what takes it over, of all further arguments, which are uvicorn's.
            config: uvicorn's.
            server_state: uvicorn's.
            app_state: uvicorn's.
        """
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # as uvicorn's own
        self.network = ""
        self._context = context
        self._limits = limits
        self._waiting = waiting
        self._on_end = on_end
        self._connect = partial(connect, config, server_state, app_state, _loop)
        self._connections: set[Any] = server_state.connections
        self._loop = _loop or asyncio.get_running_loop()
        self._until = self._loop.time() + limits.idle_seconds
        self._failure: ssl.SSLError | None = None
        self._is_late = False
        self._is_lost = False
        self._early = b""
        self._connection: LimitedH11Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; where there are too many connections, at the cost of one that waits.

        Where none waits, it goes on: only what is secured can be told that it is one too many.
        """
        self.transport = cast(asyncio.Transport, transport)
        self.transport.pause_reading()  # what comes is not for this
        client = get_remote_addr(self.transport)
        self.network = client_network(client[0]) if client else ""
        self._connections.add(self)
        crowd = over_share(self.network, self, self._connections, self._limits)
        if crowd:
            self._waiting.evict(crowd)
        elif len(self._connections) > self._limits.connection_count:
            self._waiting.evict()
        self._waiting.add(self, is_known=False)
        self._task = self._loop.create_task(self._secure())

    def data_received(self, data: bytes) -> None:
        """Keep what comes in the same moment in which the handshake ends."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end that comes in the moment in which another takes over."""
        self._is_lost = True
        if self._connection is not None:
            self._connection.connection_lost(exc)

    def enforce_limits(self, now: float) -> None:
        """End the connection where its client takes longer than it may.

        Args:
            now: the event loop's time, in seconds.
        """
        if now > self._until:
            self._is_late = True
            self.transport.abort()

    def shutdown(self) -> None:
        """End, for the server stops."""
        self.transport.abort()

    def _fail(self, error: ssl.SSLError) -> None:
        """Send no more than the alert, and wait until the client has taken it and closes."""
        self._failure = error
        self._until = self._loop.time() + LINGER_SECONDS
        self._loop.call_soon(self._end_sending)

    def _end_sending(self) -> None:
        with suppress(OSError):  # the client has reset the connection
            self.transport.write_eof()

    async def _secure(self) -> None:
        alerts.on_failure.set(self._fail)
        secured: asyncio.Transport | None = None
        try:
            # It gives None where the connection was aborted meanwhile.
            secured = await self._loop.start_tls(
                self.transport,
                self,
                self._context(),
                server_side=True,
                # By then it is over; but asyncio keeps one that was aborted before it began.
                ssl_handshake_timeout=self._limits.idle_seconds + 2 * LINGER_SECONDS,
                ssl_shutdown_timeout=self._limits.response_seconds,
            )
        except OSError:
            pass  # it is gone
        finally:
            self._connections.discard(self)
            self._waiting.discard(self)
        if secured is None or self._is_lost:
            self._on_end(self._failed())
        else:
            self._on_end(HandshakeOutcome.SECURED)
            self._hand_over(secured)

    def _failed(self) -> HandshakeOutcome:
        if self._failure is not None:
            return _outcome(self._failure)
        return HandshakeOutcome.TIMEOUT if self._is_late else HandshakeOutcome.LOST

    def _hand_over(self, secured: asyncio.Transport) -> None:
        secured.set_write_buffer_limits(HIGH_WATER)
        connection = self._connection = self._connect()
        secured.set_protocol(connection)
        connection.connection_made(secured)
        if self._early:
            connection.data_received(self._early)
            self._early = b""


def _outcome(error: ssl.SSLError) -> HandshakeOutcome:
    """What an error of OpenSSL is about, by its name."""
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError) or reason.startswith("PEER_DID_NOT"):
        return HandshakeOutcome.CLIENT_CERTIFICATE
    return HandshakeOutcome.REFUSED_BY_CLIENT if "_ALERT_" in reason else HandshakeOutcome.PROTOCOL

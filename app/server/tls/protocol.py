"""The TLS handshake of a connection, within the limits of connections.

How a connection is secured: `TlsProtocol` counts it as idle from the moment it is accepted, waits
for the ClientHello and for its turn in the `HandshakeQueue`, runs the handshake with the current
`ssl.SSLContext`, and then hands over to `LimitedH11Protocol`. asyncio's own TLS servers report a
connection only after its handshake, and never change their context.
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

from app.server.idle_connections import IdleConnections
from app.server.protocol import LINGER_SECONDS, LimitedH11Protocol
from app.server.tls import alerts
from app.server.tls.certificates import HandshakeOutcome
from app.server.tls.handshake_queue import HandshakeQueue
from app.settings.limits import ConnectionLimits


HIGH_WATER: Final = 64 << 10
"""Writing pauses when more bytes than this wait to be encrypted: asyncio's default without TLS.
Its default with TLS, 512 KiB, would increase the cost of a client that does not read."""


class TlsProtocol(asyncio.Protocol):
    """The protocol of a connection during its handshake; uvicorn creates one per connection.

    Attributes:
        network: the client's network, as `IdleConnections.network_of` returns it.
        is_silent: whether the client has sent nothing yet.
    """

    caller = None
    is_authorized = False
    is_rejected = False
    unread_since = None

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        limits: ConnectionLimits,
        idle: IdleConnections,
        queue: HandshakeQueue,
        on_end: Callable[[HandshakeOutcome], None],
        on_step: Callable[[float], None],
        connect: Callable[..., LimitedH11Protocol],
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Initialize the protocol.

        Args:
            context: returns the TLS context for a handshake.
            limits: the limits of connections; `keepalive_timeout_seconds` bounds the handshake.
            idle: the connections that may be evicted.
            queue: the handshakes that wait for their turn.
            on_end: called with the outcome of the handshake.
            on_step: called with the seconds that each of its steps took.
            connect: creates the HTTP protocol from the remaining arguments, which are uvicorn's.
            config: uvicorn's.
            server_state: uvicorn's.
            app_state: uvicorn's.
        """
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # as uvicorn's own
        self.network = ""
        self.is_silent = True
        self._context = context
        self._limits = limits
        self._idle = idle
        self._queue = queue
        self._on_end = on_end
        self._on_step = on_step
        self._connect = partial(connect, config, server_state, app_state, _loop)
        self._connections: set[Any] = server_state.connections
        self._loop = _loop or asyncio.get_running_loop()
        self._deadline = self._loop.time() + limits.keepalive_timeout_seconds
        self._failure: ssl.SSLError | None = None
        self._is_timed_out = False
        self._is_lost = False
        self._early_data = b""
        self._turn: asyncio.Future[None] | None = None
        self._connection: LimitedH11Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the ClientHello; if there are too many connections, evict an idle one.

        If none is idle, the handshake proceeds: the problem can only be sent after it.
        """
        self.transport = cast(asyncio.Transport, transport)
        self.network = self._idle.network_of(get_remote_addr(self.transport))
        self._connections.add(self)
        self._idle.admit(self, self._connections, self._loop.time())
        self._idle.add(self, self._loop.time(), is_used=False)

    def data_received(self, data: bytes) -> None:
        """Queue for the handshake when the ClientHello arrives.

        What is received later is application data that arrives together with the end of the
        handshake.
        """
        self._early_data += data
        if self.is_silent:
            self.is_silent = False
            self._idle.add(self, self._loop.time(), is_used=False)
            self.transport.pause_reading()  # `start_tls` resumes
            self._turn = self._queue.turn(self.network)
            self._task = self._loop.create_task(self._secure(self._turn))

    def connection_lost(self, exc: Exception | None) -> None:
        """Record the loss; after the hand-over, also pass it on to the HTTP protocol."""
        self._is_lost = True
        if self._connection is not None:
            self._connection.connection_lost(exc)
        elif self._turn is None:
            self._end(None)
        else:
            self._turn.cancel()

    def enforce_limits(self, now: float) -> None:
        """Abort the connection if its handshake takes too long.

        Args:
            now: the event loop's time, in seconds.
        """
        if now > self._deadline:
            self._is_timed_out = True
            self.abort()

    def shutdown(self) -> None:
        """Abort the connection because the server stops."""
        self.abort()

    def abort(self, _outcome: str | None = None) -> None:
        """End the connection at once."""
        self.transport.abort()

    def _fail(self, error: ssl.SSLError) -> None:
        """Let asyncio send the alert, then wait for the client to close the connection."""
        self._failure = error
        self._deadline = self._loop.time() + LINGER_SECONDS
        self._loop.call_soon(self._end_sending)

    def _end_sending(self) -> None:
        with suppress(OSError):  # the client has reset the connection
            self.transport.write_eof()

    async def _secure(self, turn: asyncio.Future[None]) -> None:
        secured: asyncio.Transport | None = None
        try:
            await turn
            if not self._is_lost:
                secured = await self._handshake()
        except (OSError, asyncio.CancelledError):
            pass  # the connection was lost
        finally:
            self._end(secured)

    async def _handshake(self) -> asyncio.Transport | None:
        received, self._early_data = self._early_data, b""
        alerts.starting.set(alerts.Handshake(received, self._fail, self._count_step))
        # Returns None if the connection was aborted during the handshake.
        return await self._loop.start_tls(
            self.transport,
            self,
            self._context(),
            server_side=True,
            # `enforce_limits` ends a slow handshake earlier than this. If the connection was
            # aborted before the handshake started, only this timeout ends the handshake.
            ssl_handshake_timeout=self._limits.keepalive_timeout_seconds + 2 * LINGER_SECONDS,
            ssl_shutdown_timeout=self._limits.send_timeout_seconds,
        )

    def _count_step(self, seconds: float) -> None:
        self._queue.spend(seconds)
        self._on_step(seconds)

    def _end(self, secured: asyncio.Transport | None) -> None:
        """Report the outcome, and hand over the connection if it is secured."""
        self._connections.discard(self)
        self._idle.discard(self)
        if secured is None or self._is_lost:
            self._on_end(self._failure_outcome())
        else:
            self._on_end(HandshakeOutcome.SECURED)
            self._hand_over(secured)

    def _failure_outcome(self) -> HandshakeOutcome:
        if self._failure is not None:
            return _outcome(self._failure)
        return HandshakeOutcome.TIMEOUT if self._is_timed_out else HandshakeOutcome.LOST

    def _hand_over(self, secured: asyncio.Transport) -> None:
        secured.set_write_buffer_limits(HIGH_WATER)
        connection = self._connection = self._connect()
        connection.is_silent = False
        secured.set_protocol(connection)
        connection.connection_made(secured)
        connection.carrier = self.transport
        if self._early_data:
            connection.data_received(self._early_data)
            self._early_data = b""


def _outcome(error: ssl.SSLError) -> HandshakeOutcome:
    """Classify an OpenSSL error by its reason."""
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError) or reason.startswith("PEER_DID_NOT"):
        return HandshakeOutcome.CLIENT_CERTIFICATE
    return HandshakeOutcome.REJECTED_BY_CLIENT if "_ALERT_" in reason else HandshakeOutcome.PROTOCOL

"""uvicorn's h11 protocol, with limits on the cost of one connection.

How a request is served: the application runs once the request is complete, and is cancelled when
the client disconnects. The response is written in slices. If a connection exceeds a limit, the
client gets a problem, if possible, and the connection is closed. If there are too many connections,
an idle one is evicted; if none is idle, the new one is rejected.
"""

from __future__ import annotations

import socket
import sys
from asyncio import AbstractEventLoop, BaseTransport, Transport
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum, auto
from math import inf
from typing import Any, Final

import anyio
import anyio.lowlevel
import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.api import problems
from app.api.problems import ProblemError, problem_response
from app.api.request_state import RequestState, request_state
from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.middleware.rate_limit_policy import UNLIMITED_PATHS
from app.net.send_queue import UNKNOWN, SendQueue, read_send_queue, reset_on_close
from app.server.flow import LimitedFlowControl
from app.server.idle_connections import IdleConnections
from app.server.parser import LimitedH11Parser
from app.server.read_timeout import ReadTimeout
from app.server.rejections import (
    MAX_UNDELAYED_REJECTIONS,
    TOO_MANY_CONNECTIONS,
    OnRejection,
    RejectionDelay,
    parser_problem,
    rejected_request,
    rejection_bytes,
)
from app.settings.limits import ConnectionLimits


SLICE_BYTES: Final = 128 << 10
"""Bytes of a response written at a time: roughly the memory cost of a client that does not read.

A page's blocks (`app.repository.snapshot.blocks`) are several times as large.
"""
SEND_BYTES: Final = (256 if sys.platform == "win32" else 512) << 10
"""The send buffer of a connection. Linux doubles it, and counts its own overhead in it.

It bounds what the system holds for a client that acknowledges data and then no more, and so what is
on its way to a distant client: at a round trip of 100 ms, 6 MB a second. Linux' default is 4 MB.
"""
UNSENT_BYTES: Final = 128 << 10
"""How much of that may wait for the client's window to open: the cost of one that does not read."""
LINGER_SECONDS: Final = 2
"""How long a rejected client may keep sending before the connection is closed.

Closing at once, with input unread, would reset the connection, and the client might never see
the problem (RFC 9112, 9.6).
"""


class Stage(Enum):
    """The state of a connection."""

    IDLE = auto()
    """Waiting for a request."""
    RECEIVING = auto()
    """Waiting for the rest of a request."""
    ANSWERING = auto()
    """Running the application or writing its response."""
    DELAYED = auto()
    """Delaying the response to a repeatedly rejected client."""
    REJECTED = auto()
    """Waiting for the client to close; input is ignored."""


class LimitedH11Protocol(H11Protocol):
    """The HTTP protocol of one connection.

    Attributes:
        network: the client's network, as `IdleConnections.network_of` returns it.
        is_silent: whether the client has sent nothing yet, not even a TLS handshake.
        carrier: the transport of the TCP connection; without TLS, the same as `transport`. With
            TLS, `transport` is asyncio's TLS transport (asyncio.sslproto), which does not report
            that the TCP connection is closing, and fails if it is used after a second `close`.
            After an abort, uvicorn closes it a second time.
    """

    carrier: Transport

    def __init__(
        self,
        limits: ConnectionLimits,
        idle: IdleConnections,
        delay: RejectionDelay,
        on_rejection: OnRejection,
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        base_path: str = "",
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._idle = idle
        self._delay = delay
        self._on_rejection = on_rejection
        self.conn: LimitedH11Parser = LimitedH11Parser(limits, base_path.encode())
        self._application: ASGIApp = self.app
        self.app = self._answer
        self._answering: anyio.CancelScope | None = None
        self._read_timeout = ReadTimeout(limits.send_timeout_seconds)
        self._tcp: socket.socket | None = None
        self._is_aborted = False
        self._is_reserved = False
        self._state = RequestState()
        self._last_caller = UNAUTHENTICATED_CALLER
        self._ignores_input = False
        self._is_used = False
        self._rejections = 0
        self._stage, self._stage_since = Stage.IDLE, self.loop.time()
        self.network = ""
        self.is_silent = True

    def connection_made(self, transport: BaseTransport) -> None:
        """Start the connection; if there are too many, evict one or admit only health probes.

        Also disable Nagle's algorithm, which asyncio's Proactor loop, the default on Windows,
        leaves enabled for accepted sockets. uvicorn writes head and body separately: with the
        algorithm, a small response would wait some 40 ms for the client's delayed acknowledgement.
        """
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if sys.platform == "win32":  # elsewhere, it is inherited
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
            self._tcp = connection
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn's own is narrower
        self.carrier = self.transport
        self.flow = LimitedFlowControl(self.transport, self.conn)
        self.network = self._idle.network_of(self.client)
        if not self._idle.admit(self, self.connections, self.loop.time()):
            self._idle.reserve(self)
            self._is_reserved = True
        self._enter(Stage.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection and cancel the request in progress."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._idle.discard(self)
        self.app = self._application  # breaks a reference cycle
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed bytes from the client to the parser."""
        self.is_silent = False
        if self._stage is Stage.IDLE:
            self._enter(Stage.RECEIVING)
        # In pieces, because h11 checks the length of a head only while the head is incomplete.
        for start in range(0, len(data), self._limits.max_request_bytes):
            if not self._ignores_input:
                super().data_received(data[start : start + self._limits.max_request_bytes])

    def send_400_response(self, msg: str) -> None:
        """Answer a request that the parser rejects; called while its error is handled."""
        self._reject(parser_problem(sys.exception(), msg))

    def on_response_complete(self) -> None:
        """Enter the idle stage."""
        self._is_used = self._rejections == 0
        self._enter(Stage.IDLE)
        super().on_response_complete()
        self._close_beneath()

    def shutdown(self) -> None:
        """Close the connection, now or after the response in progress."""
        super().shutdown()
        self._close_beneath()

    def resume_writing(self) -> None:
        """Resume writing: the client has read most of the write buffer."""
        self._read_timeout.reset()
        super().resume_writing()

    @property
    def caller(self) -> tuple[str, str] | None:
        """The caller of the last request that had an accepted credential; None: there was none."""
        caller = self._authorized_caller()
        return None if caller.kind == "anonymous" else caller.rate_limit_key

    @property
    def is_authorized(self) -> bool:
        """Whether a request had the required credential, or none is required."""
        return self._authorized_caller() is not UNAUTHENTICATED_CALLER

    @property
    def is_rejected(self) -> bool:
        """Whether its last request was rejected, for a wrong credential or a quota."""
        return self._rejections > 0

    def _authorized_caller(self) -> Caller:
        """Return the caller of the last request that required a credential and was authorized."""
        caller = self._state.caller
        return self._last_caller if caller is UNAUTHENTICATED_CALLER else caller

    @property
    def unread_since(self) -> float | None:
        """When the client last had read enough, as of the last check; None: it has read everything.

        A response that has not begun counts as unread if the server requires a credential and has
        not accepted one yet.
        """
        if self._is_aborted:
            return None
        if (
            self._stage is Stage.ANSWERING
            and not self.cycle.response_started
            and self._state.caller is UNAUTHENTICATED_CALLER
        ):
            return self._stage_since
        return self._read_timeout.unread_since

    def send_queue(self) -> SendQueue:
        """Return the progress of the connection; the write buffer is not acknowledged, either."""
        queue = UNKNOWN
        if self._tcp is not None:
            with suppress(OSError):  # closed
                queue = read_send_queue(self._tcp)
        return SendQueue(
            queue.acknowledged, queue.unacknowledged + self.carrier.get_write_buffer_size()
        )

    def abort(self, outcome: str | None = None) -> None:
        """End the connection at once, and discard what the client has not read.

        Args:
            outcome: why, as logged; None: the client is to blame.
        """
        if outcome is not None and self._stage is Stage.ANSWERING:
            self._state.outcome = outcome
        if self._tcp is not None and (
            self._stage is Stage.ANSWERING or self.send_queue().unacknowledged
        ):
            with suppress(OSError):  # closed
                reset_on_close(self._tcp)
        self._is_aborted = True
        self.carrier.abort()

    def enforce_limits(self, now: float) -> None:
        """End the connection if the client exceeds a timeout.

        Args:
            now: the event loop's time, in seconds.
        """
        if self._read_timeout.is_over(self.send_queue(), now):
            self.abort()
        if now - self._stage_since > self._stage_timeout():
            if self._stage is Stage.RECEIVING:
                self._reject(
                    ProblemError(problems.REQUEST_TIMEOUT, "The request was not complete in time.")
                )
            elif not self.transport.is_closing():  # closing twice would break asyncio's TLS
                self.transport.close()

    def _close_beneath(self) -> None:
        """Close the TCP connection if `transport` is closing and everything is sent.

        asyncio would wait until the client ends TLS, too, which RFC 8446, 6.1, does not require. A
        client that does not read would then delay the server's stop.
        """
        if self.transport.is_closing() and not self.carrier.get_write_buffer_size():
            self.carrier.close()

    def _enter(self, stage: Stage) -> None:
        self._stage, self._stage_since = stage, self.loop.time()
        if self._is_reserved:
            return
        if stage is Stage.ANSWERING:
            self._idle.discard(self)
        elif self in self.connections:  # the connection is not lost
            self._idle.add(self, self._stage_since, is_used=self._is_used)

    def _stage_timeout(self) -> float:
        """Return how long the present stage may last, in seconds."""
        return {
            Stage.IDLE: self._limits.keepalive_timeout_seconds,
            Stage.RECEIVING: self._limits.request_timeout_seconds,
            Stage.ANSWERING: inf,
            Stage.DELAYED: inf,
            Stage.REJECTED: LINGER_SECONDS,
        }[self._stage]

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application once the request is complete; cancel it if the client disconnects.

        The request's content is discarded, unless the limits let the application have it.
        """
        cycle = self.cycle  # the next one begins before this method returns
        is_pipelined = self._stage is Stage.IDLE
        if is_pipelined:
            self._enter(Stage.RECEIVING)
        content = bytearray()
        with anyio.CancelScope() as self._answering:
            is_complete = False
            while not is_complete:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                is_complete = not message["more_body"]
                if self._limits.max_body_bytes:
                    content += message["body"]
            self._last_caller = self._authorized_caller()
            self._state = request_state(scope)
            self._state.send_queue = self.send_queue
            self._state.is_pipelined = is_pipelined
            self._enter(Stage.ANSWERING)
            application = self._reserved if self._is_reserved else self._application
            await application(scope, _again(content, receive), self._limited(scope, send))
            if not cycle.response_complete and self.flow.write_paused:
                self.abort()  # closing would wait for the client to read
        self._answering = None

    async def _reserved(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a health probe although there are too many connections; reject all else."""
        self.cycle.keep_alive = False
        application = self._application
        if scope["path"] not in UNLIMITED_PATHS:
            self._on_rejection(TOO_MANY_CONNECTIONS, self.client[0] if self.client else "unknown")
            application = problem_response(TOO_MANY_CONNECTIONS, scope["raw_path"])
        await application(scope, receive, send)

    def _limited(self, scope: Scope, send: Send) -> Send:
        """Wrap `send` to write in slices and to delay responses after repeated rejections.

        If the connection is closing, the wrapper yields to the event loop twice before it writes:
        after a failed write, asyncio calls `connection_lost` in the loop's next turn, or, with TLS,
        in the turn after that. Until then, each further write would only cause a log entry.
        """

        async def send_limited(message: Message) -> None:
            if message["type"] == "http.response.start":
                state = request_state(scope)
                is_rejection = state.is_rejected or state.is_over_quota
                self._rejections = self._rejections + 1 if is_rejection else 0
                if self._rejections > MAX_UNDELAYED_REJECTIONS:
                    self._enter(Stage.DELAYED)
                    await anyio.sleep(self._delay.seconds(self.loop.time()))
                    self._enter(Stage.ANSWERING)
            for piece in _slices(message):
                if self.carrier.is_closing():
                    await anyio.lowlevel.checkpoint()
                    await anyio.lowlevel.checkpoint()
                await send(piece)

        return send_limited

    def _client_of(self, request: h11.Request | None) -> str:
        """Return the client's address, behind a trusted proxy that of the proxy's client."""
        if self.client is None:
            return "unknown"
        headers = list(request.headers) if request is not None else []
        return self._idle.proxies.client_of(self.client[0], headers)

    def _reject(self, problem: ProblemError) -> None:
        """Answer with a problem and ignore further input."""
        self._ignores_input = True
        if self._stage in (Stage.ANSWERING, Stage.DELAYED) or self.transport.is_closing():
            return  # malformed input after a request must not corrupt its response
        self._enter(Stage.REJECTED)
        self._on_rejection(problem, self._client_of(rejected_request(self.conn)))
        self.transport.write(rejection_bytes(problem, self.conn, self.server_state.default_headers))
        if self.transport.can_write_eof():  # False with TLS: LINGER_SECONDS limits the wait
            self.transport.write_eof()


def _again(content: bytearray, receive: Receive) -> Receive:
    """Return a `receive` that begins with a request's content, which was received before."""
    messages: list[Message] = [
        {"type": "http.request", "body": bytes(content), "more_body": False}
    ] * bool(content)

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _slices(message: Message) -> Iterator[Message]:
    """Split the body of a message into slices; yield one message per slice."""
    body = memoryview(message.get("body", b""))
    while len(body) > SLICE_BYTES:
        piece, body = body[:SLICE_BYTES], body[SLICE_BYTES:]
        yield {"type": message["type"], "body": piece, "more_body": True}
        message = {**message, "body": body}
    yield message

"""A connection: how long and how much a client may take, and what it is told where it takes more.

uvicorn answers requests; what is added here bounds what one connection can cost. A request is
answered once it is complete, large answers are written in slices, an answer is given up when its
client is gone, and whatever is refused is refused with a problem.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from asyncio import AbstractEventLoop, BaseTransport
from collections.abc import Callable, Container
from dataclasses import replace
from enum import Enum, auto
from http import HTTPStatus
from itertools import chain
from math import inf
from typing import Any, Final, Protocol
from urllib.parse import unquote

import anyio
import anyio.lowlevel
import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.api import problems
from app.api.problems import MEDIA_TYPE, ProblemError, problem_text
from app.net.networks import client_network, is_loopback
from app.settings.limits import ConnectionLimits


SLICE_BYTES: Final = 128 << 10
"""How much of an answer is handed over at a time; a client that does not read costs little more.

A page's blocks (`app.repository.snapshot.blocks`) are some times as large.
"""
LINGER_SECONDS: Final = 2
"""How long a client may go on sending after it was refused.

Closing at once, with something unread, would reset the connection, and the client might never see
why it was refused (RFC 9112, 9.6).
"""
RETRY_SECONDS: Final = 2

DELAY_SECONDS: Final = 0.5
"""How long an answer is held back from a client that goes on being refused.

Nothing more is read of the connection meanwhile, so that one that floods is asked for little, and
the rest waits in its own buffers. It may make room for others, as one that waits.
"""
MAX_UNDELAYED_REJECTIONS: Final = 2
"""How many refusals in a row are not held back: a client may ask first, and then with a token."""

FIELD_COUNT: Final = 100
"""How many header fields a request may have; everyone who looks for one passes all others."""

_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)

OnRefusal = Callable[[ProblemError, str], None]
"""Is told of a problem that is answered before the application is asked, and to which address."""

_KINDS: Final = {
    kind.status: kind
    for kind in (
        problems.BAD_REQUEST,
        problems.LENGTH_REQUIRED,
        problems.CONTENT_TOO_LARGE,
        problems.HEADER_FIELDS_TOO_LARGE,
    )
}
"""The problems for what cannot be read, by the status that h11 or `Requests` suggests."""


class Stage(Enum):
    """What a connection waits for."""

    IDLE = auto()
    """A request."""
    RECEIVING = auto()
    """The rest of a request."""
    ANSWERING = auto()
    """The application, or the client's reading."""
    HELD = auto()
    """Its time: an answer that refuses is held back."""
    REFUSED = auto()
    """The client's closing; nothing it sends is looked at."""


class LimitedH11Parser(h11.Connection):
    """Requests as h11 reads them, without those that would cost more than they may.

    Attributes:
        newest: the last request whose head was read.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__(h11.SERVER, limits.request_bytes)
        self._content_bytes = limits.request_bytes
        self.newest: h11.Request | None = None

    def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """What comes next from the client.

        Raises:
            RemoteProtocolError: it cannot be read, or is refused for what its head says.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            event = _in_origin_form(event)
            self.newest = event
            status = self._objection(event)
            if status is not None:
                raise h11.RemoteProtocolError(status.phrase, error_status_hint=status)
        return event

    def _objection(self, request: h11.Request) -> HTTPStatus | None:
        if len(request.headers) > FIELD_COUNT:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        for name, value in request.headers:
            if name == b"transfer-encoding":
                return HTTPStatus.LENGTH_REQUIRED
            if name == b"content-length" and int(value) > self._content_bytes:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None


class Abortable(Protocol):
    """What can be ended at once."""

    transport: asyncio.Transport


class IdleConnections:
    """The connections for which nothing is being done, in the order in which they began to wait.

    Those that never asked for anything make room for others before those that did.
    """

    def __init__(self) -> None:
        self._unused: dict[Abortable, None] = {}
        self._known: dict[Abortable, None] = {}

    def add(self, connection: Abortable, *, is_known: bool) -> None:
        """Begin to wait, behind all others."""
        self.discard(connection)
        (self._known if is_known else self._unused)[connection] = None

    def discard(self, connection: Abortable) -> None:
        """Wait no longer, if it did."""
        self._unused.pop(connection, None)
        self._known.pop(connection, None)

    def first(self, among: Container[object] | None = None) -> Abortable | None:
        """The one that is to make room for another; of some, where these are given."""
        waiting = chain(self._unused, self._known)
        return next((one for one in waiting if among is None or one in among), None)

    def evict(self, among: Container[object] | None = None) -> bool:
        """End the connection that has waited longest; False where none waits.

        Args:
            among: of which one is to end; None: of all.
        """
        longest = self.first(among)
        if longest is None:
            return False
        self.discard(longest)
        longest.transport.abort()
        return True


def over_share(
    network: str, newest: object, connections: set[Any], limits: ConnectionLimits
) -> set[Any]:
    """The other connections of an address, where it has as many as it may; else none.

    Args:
        network: the address, as `client_network` gives it.
        newest: the connection that is one more.
        connections: all of them, each with its `network`.
        limits: what an address may have.
    """
    most = limits.address_connection_count
    if len(connections) <= most or is_loopback(network):
        return set()
    others = {one for one in connections if one is not newest and one.network == network}
    return others if len(others) >= most else set()


class LimitedH11Protocol(H11Protocol):
    """One connection, made by uvicorn for each that it accepts.

    Attributes:
        network: whose it is.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        waiting: IdleConnections,
        on_refusal: OnRefusal,
        config: Any,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._waiting = waiting
        self._on_refusal = on_refusal
        self.conn: LimitedH11Parser = LimitedH11Parser(limits)
        self._application: ASGIApp = self.app
        self.app = self._answer
        self._answering: anyio.CancelScope | None = None
        self._unread_since: float | None = None
        self._is_deaf = False
        self._is_known = False
        self._refusals = 0
        self._stage, self._since = Stage.IDLE, self.loop.time()
        self.network = ""

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin; where there are too many connections, at the cost of one that waits.

        asyncio's Proactor loop, Windows' default, leaves Nagle's algorithm on for the sockets
        that it accepts, and uvicorn writes head and body separately: a small response would
        wait for the client's delayed acknowledgement, some 40 ms.
        """
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn's own is narrower
        self.network = client_network(self.client[0]) if self.client else ""
        if len(self.connections) > self._limits.connection_count:
            self._evict()
        else:
            self._enter(Stage.IDLE)
            self._keep_to_share()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and with it the work on an answer that nobody will read."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._waiting.discard(self)
        self.app = self._application  # no longer its own: it is freed at once, not when gc comes
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, as it came from the client."""
        if self._stage is Stage.IDLE:
            self._enter(Stage.RECEIVING)
        # In pieces, for h11 looks at the length of a head only where it is not complete.
        for start in range(0, len(data), self._limits.request_bytes):
            if not self._is_deaf:
                super().data_received(data[start : start + self._limits.request_bytes])

    def send_400_response(self, msg: str) -> None:
        """Refuse what h11 cannot read as a request; uvicorn calls this while it handles that."""
        error = sys.exception()
        status = getattr(error, "error_status_hint", HTTPStatus.BAD_REQUEST)
        kind = _KINDS.get(status) or replace(problems.REQUEST_REFUSED, status=status)
        self._reject(ProblemError(kind, msg if kind is problems.BAD_REQUEST else f"{kind.title}."))

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._is_known = self._refusals == 0
        self._enter(Stage.IDLE)
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Go on writing: the client has read most of what there was."""
        self._unread_since = None
        super().resume_writing()

    def enforce_limits(self, now: float) -> None:
        """End the connection where the client takes longer than it may.

        Args:
            now: the event loop's time, in seconds.
        """
        if not self.transport.get_write_buffer_size():
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since > self._limits.response_seconds:
            self.transport.abort()
        if now - self._since > self._seconds():
            if self._stage is Stage.RECEIVING:
                self._reject(
                    ProblemError(problems.REQUEST_TIMEOUT, "The request was not complete in time.")
                )
            elif not self.transport.is_closing():  # the second time would break asyncio's TLS
                self.transport.close()

    def _enter(self, stage: Stage) -> None:
        self._stage, self._since = stage, self.loop.time()
        if stage is Stage.ANSWERING:
            self._waiting.discard(self)
        elif self in self.connections:  # not lost meanwhile
            self._waiting.add(self, is_known=self._is_known)

    def _seconds(self) -> float:
        """How long the stage may last."""
        return {
            Stage.IDLE: self._limits.idle_seconds,
            Stage.RECEIVING: self._limits.request_seconds,
            Stage.ANSWERING: inf,
            Stage.HELD: inf,
            Stage.REFUSED: LINGER_SECONDS,
        }[self._stage]

    def _keep_to_share(self) -> None:
        """Make room where this connection's address has too many."""
        crowd = over_share(self.network, self, self.connections, self._limits)
        if crowd:
            self._evict(crowd)

    def _evict(self, among: Container[object] | None = None) -> None:
        """End the connection that has waited longest; where none waits, refuse this one.

        Args:
            among: of which one is to end; None: of all.
        """
        if self._waiting.evict(among):
            self._enter(Stage.IDLE)
        else:
            self._reject(
                ProblemError(
                    problems.TOO_MANY_CONNECTIONS,
                    "No further connection can be served now.",
                    headers={"Retry-After": str(RETRY_SECONDS)},
                )
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request once it is complete, for as long as the client is there.

        What is in its body is not kept: no resource takes any.
        """
        if self._stage is Stage.IDLE:  # it came together with the one before
            self._enter(Stage.RECEIVING)
        with anyio.CancelScope() as self._answering:
            is_complete = False
            while not is_complete:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                is_complete = not message["more_body"]
            self._enter(Stage.ANSWERING)
            to_client = self._while_there(self._delay_rejections(scope, send))
            await self._application(scope, receive, _in_slices(to_client))
            if not self.cycle.response_complete and self.flow.write_paused:
                self.transport.abort()  # closing would wait until the client reads
        self._answering = None

    def _while_there(self, send: Send) -> Send:
        """Sends as `send` does, as long as there is a client.

        A write that fails tells asyncio that the client left, and this connection in the loop's
        next turn; until then each further write would only be logged.
        """

        async def send_while_there(message: Message) -> None:
            if self.transport.is_closing():
                await anyio.lowlevel.checkpoint()
            await send(message)

        return send_while_there

    def _delay_rejections(self, scope: Scope, send: Send) -> Send:
        """Sends as `send` does, but holds back what refuses, where that goes on and on.

        The request's state tells (`app.middleware`): `refused`, or `slowed` where it is answered
        nevertheless.
        """

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                state = scope["state"]
                is_unwelcome = "refused" in state or state.get("slowed", False)
                self._refusals = self._refusals + 1 if is_unwelcome else 0
                if self._refusals > MAX_UNDELAYED_REJECTIONS:
                    self._enter(Stage.HELD)
                    await anyio.sleep(DELAY_SECONDS)
                    self._enter(Stage.ANSWERING)
            await send(message)

        return send_in_time

    def _reject(self, problem: ProblemError) -> None:
        """Answer whatever came with a problem, and listen no longer."""
        self._is_deaf = True
        if self._stage in (Stage.ANSWERING, Stage.HELD) or self.transport.is_closing():
            return  # what comes after the last request does not harm its answer
        self._enter(Stage.REFUSED)
        self._on_refusal(problem, self.client[0] if self.client else "unknown")
        request = self.conn.newest if self.conn.our_state is h11.SEND_RESPONSE else None
        path = unquote(request.target.partition(b"?")[0].decode()) if request else "/"
        text = problem_text(problem, path)
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(text)),
            "Cache-Control": "no-store",
            "Connection": "close",
            **(problem.headers or {}),
        }
        status = HTTPStatus(problem.kind.status)
        head = h11.Response(
            status_code=status,
            reason=status.phrase.encode(),
            headers=[
                *self.server_state.default_headers,
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
        )
        body = [] if request and request.method == b"HEAD" else [h11.Data(data=text)]
        events = (head, *body, h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        if self.transport.can_write_eof():  # TLS cannot, and is closed once it has lingered
            self.transport.write_eof()


def _in_origin_form(request: h11.Request) -> h11.Request:
    """The request with a path as its target, where it has a whole URL, whose host is Host's then.

    Servers must accept that from any client (RFC 9112, 3.2.2).
    """
    url = _ABSOLUTE_FORM.match(request.target)
    if url is None:
        return request
    rest = request.target[url.end() :]
    headers = [(name, value) for name, value in request.headers if name != b"host"]
    return h11.Request(
        method=request.method,
        target=rest if rest.startswith(b"/") else b"/" + rest,
        headers=[(b"host", url[1]), *headers],
        http_version=request.http_version,
    )


def _in_slices(send: Send) -> Send:
    """Sends as `send` does, of a large body one slice after the other."""

    async def send_slices(message: Message) -> None:
        body = memoryview(message.get("body", b""))
        while len(body) > SLICE_BYTES:
            piece, body = body[:SLICE_BYTES], body[SLICE_BYTES:]
            await send({"type": message["type"], "body": piece, "more_body": True})
            message = {**message, "body": body}
        await send(message)

    return send_slices

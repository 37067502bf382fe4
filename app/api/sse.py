"""Streams of Server-Sent Events (the HTML standard, 9.2): one response, as long as it lasts."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Final

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.repository.changes.streams import EventSource, StreamRegistry
from app.repository.notifier import TICK_SECONDS


def format_event(kind: str, event_id: str | None, data: bytes) -> bytes:
    """Format one event.

    Args:
        kind: its name.
        event_id: what a client resumes after; None where it is not to resume after this.
        data: one line.
    """
    id_line = b"" if event_id is None else b"id: %b\n" % event_id.encode()
    return b"event: %b\n%bdata: %b\n\n" % (kind.encode(), id_line, data)


MEDIA_TYPE: Final = "text/event-stream"
RETRY_MS: Final = 2000
"""What a client waits before it comes again, so that a restarted server is up by then."""
KEEP_ALIVE_SECONDS: Final = 15
"""How long a stream may be silent before it says that it is alive."""
JITTER: Final = 0.1
"""By which part lifetimes differ, so that not all clients come again at once."""

COMMENT: Final = b":\n\n"
RECONNECT: Final = format_event("reconnect", None, b"{}")

SendText = Callable[[bytes], Awaitable[None]]


class EventStream(Response):
    """Sends what a source gives, until the client leaves, or the stream's time is over.

    That is when it lasted long enough, when the server stops, and when the client's credential is
    not taken any more. The request's state tells which it was (`ended`).
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        source: EventSource,
        streams: StreamRegistry,
        is_authorized: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make the response.

        Args:
            source: of the events.
            streams: all that are open.
            is_authorized: tells whether the client may still have them.

        Raises:
            TooManyStreams: no further stream may begin.
        """
        self._source = source
        self._streams = streams
        self._is_authorized = is_authorized
        streams.require_capacity()
        super().__init__(
            headers={
                "Cache-Control": "no-store",
                "Vary": "Accept",
                "X-Accel-Buffering": "no",  # nginx would gather what is to go out at once
            }
        )
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the stream at the pace of the client."""

        async def send_text(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        state = scope.setdefault("state", {})
        with (
            closing(self._source),
            self._streams.register(self._source, self._is_authorized, state.get("counted_as")),
        ):
            await self._source.begin()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send_text(b"retry: %d\n\n%b" % (RETRY_MS, self._source.bookmark() or b""))
            await self._send_events(send_text)
            state["ended"] = self._end_reason()
            await send({"type": "http.response.body", "body": RECONNECT})
        state.setdefault("ended", "server_stops")  # without waiting for who does not read

    def _end_reason(self) -> str:
        """Why the stream ends, as the log tells it."""
        if self._streams.is_stopping:
            return "server_stops"
        return "too_long" if self._is_authorized() else "revoked"

    async def _send_events(self, send_text: SendText) -> None:
        now = time.monotonic()
        end = now + self._streams.seconds * random.uniform(1 - JITTER, 1)  # no secret
        silent_since = now
        while now < end and not self._streams.is_stopping and self._is_authorized():
            text = await self._source.next_batch()
            if text is None and now - silent_since >= KEEP_ALIVE_SECONDS:
                text = self._source.bookmark() or COMMENT
            if text is not None:
                await send_text(text)
                silent_since = now
            elif end - now > TICK_SECONDS:
                await self._source.notifier.wait()
            else:
                with anyio.move_on_after(end - now):
                    await self._source.notifier.wait()
            now = time.monotonic()

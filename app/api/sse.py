"""Server-Sent Events (the HTML standard, 9.2).

How a stream works: one response sends the batches of events that an event source returns. While
there are no events, it sends a bookmark or `KEEP_ALIVE` every 15 seconds. When the server ends a
stream, it sends the event `reconnect` last.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import Header
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api import problems
from app.api.problems import ProblemKind
from app.api.request_state import request_state
from app.repository.changes.streams import EventSource, StreamRegistry


def format_event(kind: str, event_id: str | None, data: bytes) -> bytes:
    """Format one event.

    Args:
        kind: the name of the event.
        event_id: the id after which a client can resume, or None.
        data: the payload, without line breaks.
    """
    id_line = b"" if event_id is None else b"id: %b\n" % event_id.encode()
    return b"event: %b\n%bdata: %b\n\n" % (kind.encode(), id_line, data)


MEDIA_TYPE: Final = "text/event-stream"
RETRY_MS: Final = 2000
"""The client's reconnection delay, long enough for a server to restart."""
KEEP_ALIVE_SECONDS: Final = 15
"""Time without events after which a stream sends a bookmark or `KEEP_ALIVE`."""
JITTER: Final = 0.1
"""Maximum fraction by which a stream's lifetime is shortened at random, to spread reconnections."""

KEEP_ALIVE: Final = b"retry: %d\n:\n" % RETRY_MS
"""The reconnection delay and a comment. No empty line follows, so the next event ends the block.

Some clients would treat a block of only these lines as an empty message. Others ignore a block that
starts with a comment, so the comment comes second.
"""


def encode_time(time: datetime) -> bytes:
    """Return a time in UTC as JSON (RFC 3339)."""
    return orjson.dumps(time, option=orjson.OPT_UTC_Z)


def format_timed(kind: str, event_id: str | None, members: bytes = b"") -> bytes:
    """Format an event about the stream itself, whose `time` is now.

    Args:
        kind: the name of the event.
        event_id: the id after which a client can resume, or None.
        members: further members of the payload, separated by commas.
    """
    time = encode_time(datetime.now(UTC))
    return format_event(kind, event_id, b'{"time":%b%b%b}' % (time, b"," * bool(members), members))


LastEventId = Annotated[
    str | None,
    Header(description="The id of the last event received; sent by a client that reconnects."),
]

SendBody = Callable[[bytes], Awaitable[None]]


def stream_responses(
    events: Mapping[str, str], *kinds: ProblemKind
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of an event stream.

    Args:
        events: the name of the schema of each event's data, by the event's name.
        kinds: the problems of this stream, besides those that every stream has.
    """
    return {
        200: {
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "type": "string",
                        "description": "Server-Sent Events: "
                        + ", ".join(f"`{name}` (`{shape}`)" for name, shape in events.items()),
                    },
                    "x-itemSchema": {  # `itemSchema` of OpenAPI 3.2, which tools still reject
                        "anyOf": [
                            {"$ref": f"#/components/schemas/{shape}"}
                            for shape in dict.fromkeys(events.values())
                        ]
                    },
                }
            },
        },
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            problems.TOO_MANY_STREAMS,
            *kinds,
            *problems.ENGINE_PROBLEMS,
        ),
    }


class EventStream(Response):
    """A response that streams a source's events until the client or the server ends the stream.

    The server ends the stream when its maximum lifetime is over, when the server stops, or when the
    client's credential is no longer valid. The request's state records the reason (`outcome`).
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        source: EventSource,
        streams: StreamRegistry,
        is_authorized: Callable[[], bool] = lambda: True,
    ) -> None:
        """Create the response.

        Args:
            source: the source of the events.
            streams: the registry of open streams.
            is_authorized: returns whether the client's credential is still valid.

        Raises:
            TooManyStreams: the maximum number of streams is open in total.
        """
        self._source = source
        self._streams = streams
        self._is_authorized = is_authorized
        self._due = float("inf")
        streams.require_capacity()
        super().__init__(
            headers={
                "Cache-Control": "no-store",
                "Vary": "Accept",
                "X-Accel-Buffering": "no",  # keeps nginx from buffering events
            }
        )
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the stream as fast as the client reads.

        Raises:
            TooManyStreams: the caller has the maximum number of streams open.
        """

        async def send_body(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        state = request_state(scope)
        with (
            closing(self._source),
            self._streams.register(
                self._source, self._is_due, state.rate_limit_key, state.send_queue
            ),
        ):
            await self._source.begin()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send_body(KEEP_ALIVE + (self._source.bookmark() or b""))
            await self._send_events(send_body)
            state.outcome = self._end_reason()
            await send({"type": "http.response.body", "body": format_timed("reconnect", None)})
        # At shutdown, the registry cancels the block if the client is not reading.
        state.outcome = state.outcome or "server_stops"

    def _is_due(self) -> bool:
        """Return whether to wake the stream even if its source has no events."""
        return time.monotonic() >= self._due or not self._is_authorized()

    def _end_reason(self) -> str:
        """Return why the server ends the stream, as logged (`outcome`)."""
        if self._streams.is_stopping:
            return "server_stops"
        return "too_long" if self._is_authorized() else "revoked"

    async def _send_events(self, send_body: SendBody) -> None:
        now = time.monotonic()
        end = now + self._streams.seconds * random.uniform(1 - JITTER, 1)  # not a secret
        silent_since = now
        is_first = True  # since the source had none
        while now < end and not self._streams.is_stopping and self._is_authorized():
            batch = await self._source.next_batch()
            if batch is None and now - silent_since >= KEEP_ALIVE_SECONDS:
                batch = self._source.bookmark() or KEEP_ALIVE
            if batch is not None:
                if not is_first:
                    await self._streams.turns.turn()
                await send_body(batch)
                silent_since, is_first = now, False
            else:
                is_first = True
                self._due = min(end, silent_since + KEEP_ALIVE_SECONDS)
                await self._source.notifier.wait(self._source)
            now = time.monotonic()

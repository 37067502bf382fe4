"""The client of `GET /sa-contexts/events`, which resumes a lost stream after its last event."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import anyio
import httpx2

from app.cli.client import (
    Parameters,
    RequestRejected,
    parse_object,
    problem_of,
    read_body,
    require_media_type,
)
from app.cli.unreachable import explain_unreachable


MEDIA_TYPE: Final = "text/event-stream"
RETRY_SECONDS: Final = 2.0
"""First delay before reconnecting, unless the server sends a `retry` field."""
MIN_SECONDS: Final = 1.0
"""Minimum delay from a `retry` field; shorter ones would overload the server."""
MAX_RETRY_SECONDS: Final = 30.0
"""Maximum delay from a `retry` field, and of the exponential backoff."""
MAX_RETRY_AFTER_SECONDS: Final = 300.0
"""Maximum delay from the header `Retry-After`."""
MAX_PROBLEM_BYTES: Final = 64 << 10
EVENT: Final = "an event of the server"


class Connected(NamedTuple):
    """A stream has started.

    Attributes:
        is_initial: whether the stream starts with all contexts instead of resuming.
    """

    is_initial: bool


class Lost(NamedTuple):
    """The stream has ended, or could not be opened.

    Attributes:
        reason: why, as printable text.
        seconds: the delay before reconnecting.
    """

    reason: str
    seconds: float


class Event(NamedTuple):
    """An event from the server (`app.resources.sa_contexts.event_schema`)."""

    kind: str
    event_id: str
    data: dict[str, Any]

    @property
    def time(self) -> datetime:
        """When the server learnt of it, in UTC; now if the server is older and does not say."""
        text = self.data.get("time")
        return datetime.now(UTC) if text is None else datetime.fromisoformat(text).astimezone(UTC)


async def events(
    client: httpx2.AsyncClient, parameters: Parameters
) -> AsyncGenerator[Connected | Lost | Event]:
    """Yield the server's events and the changes of the connection, without end.

    When a stream ends, the next one resumes after the last received event.

    Args:
        client: a client of the server.
        parameters: the parameters of the request, with `initial`, so that the first stream starts
            with all contexts.

    Raises:
        RequestRejected: the first attempt did not reach the server, or the server's answer shows
            that retrying would not help.
    """
    last_event_id = ""
    retry_seconds = RETRY_SECONDS
    failures = 0
    has_answered = False
    while True:
        min_seconds = 0.0
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        try:
            async with client.sse(
                "sa-contexts/events", params=parameters, headers=headers
            ) as stream:
                has_answered = True
                if stream.response.status_code == 200:  # noqa: PLR2004  # OK
                    require_media_type(stream.response, MEDIA_TYPE, "events")
                    stream.response.encoding = "utf-8"  # always (HTML, 9.2.5)
                    failures = 0
                    yield Connected(is_initial=not last_event_id)
                    async for event in stream:
                        if event.retry is not None:
                            retry_seconds = _seconds_of(event.retry)
                        last_event_id = _sendable(event.id) or last_event_id
                        if event.data:
                            yield Event(event.event, event.id, parse_object(event.data, EVENT))
                    reason = "the server ended the stream"
                else:
                    body = await read_body(stream.response, MAX_PROBLEM_BYTES)
                    problem = problem_of(stream.response, body, client)
                    if not problem.is_temporary:
                        raise problem.rejected()
                    reason = problem.reason
                    min_seconds = _retry_after(stream.response)
        # In TLS 1.3, the first read fails if the server rejects the client certificate.
        except (httpx2.RequestError, ssl.SSLError) as error:
            why = explain_unreachable(error, client.base_url)
            if not has_answered:
                raise RequestRejected(f"cannot reach {client.base_url}: {why}") from None
            reason = why.reason
        seconds = max(min_seconds, min(retry_seconds * 2**failures, MAX_RETRY_SECONDS))
        failures = min(failures + 1, 10)
        yield Lost(reason, seconds)
        await anyio.sleep(seconds)


def _seconds_of(milliseconds: int) -> float:
    """Return the delay for a server's `retry` field, in seconds."""
    low, high = int(MIN_SECONDS * 1000), int(MAX_RETRY_SECONDS * 1000)
    return min(max(milliseconds, low), high) / 1000  # clamp first: it may be too large for a float


def _sendable(event_id: str) -> str:
    """Return an event's id unchanged.

    Raises:
        RequestRejected: the id cannot be sent in a header, so the stream could not be resumed.
    """
    if not (event_id.isascii() and event_id.isprintable()):
        raise RequestRejected(f"{EVENT} has an id that cannot be sent back")
    return event_id


def _retry_after(response: httpx2.Response) -> float:
    text = response.headers.get("retry-after", "")
    is_short = text.isdecimal() and len(text) < 10  # noqa: PLR2004  # 9 digits: 31 years
    return min(float(text), MAX_RETRY_AFTER_SECONDS) if is_short else 0.0

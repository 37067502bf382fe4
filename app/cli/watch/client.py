"""The client of `GET /sa-contexts/events`, which resumes after the last event of a lost stream."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import anyio
import httpx2
import orjson

from app.cli.printable import printable
from app.net.secure_urls import is_loopback_host


MEDIA_TYPE: Final = "text/event-stream"
RETRY_SECONDS: Final = 2.0
"""Delay before reconnecting, unless the server specifies one."""
MIN_SECONDS: Final = 1.0
"""Minimum delay that a server may specify; less would overload it."""
MAX_RETRY_SECONDS: Final = 30.0
"""Maximum delay of the exponential backoff."""
MAX_RETRY_AFTER_SECONDS: Final = 300.0
"""Maximum delay that Retry-After may specify."""
TIMEOUT: Final = httpx2.Timeout(10, read=45)
"""In seconds. The server sends a keep-alive every 15, and may take 30 to respond."""
MAX_PROBLEM_BYTES: Final = 64 << 10
TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The syntax of a bearer token (RFC 6750, 2.1)."""

Parameters = Mapping[str, str | Sequence[str]]


class RequestRejected(Exception):
    """The server cannot be watched, and retrying will not help; the message says why."""


class Connected(NamedTuple):
    """A stream has started.

    Attributes:
        is_initial: whether it starts with all contexts instead of resuming.
    """

    is_initial: bool


class Lost(NamedTuple):
    """The stream has ended.

    Attributes:
        reason: why; printable.
        seconds: the delay before reconnecting.
    """

    reason: str
    seconds: float


class Event(NamedTuple):
    """An event from the server (`app.resources.sa_contexts.event_schema`)."""

    kind: str
    event_id: str
    data: dict[str, Any]


def trusted(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Create the TLS context.

    Args:
        ca: a file of CA certificates in PEM; by default the system's.
        certificate: a file of the client certificate and its key in PEM.

    Raises:
        RequestRejected: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca) if ca else httpx2.create_ssl_context()
    except OSError as error:
        raise RequestRejected(
            f"{printable(str(ca))} contains no CA certificates in PEM: {_why(error)}"
        ) from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate)
        except OSError as error:
            raise RequestRejected(
                f"{printable(str(certificate))} contains no certificate with its key in PEM: "
                f"{_why(error)}"
            ) from None
    return context


def read_token(path: Path | None) -> str | None:
    """Read the credential from the file or the environment; None without either.

    It is never an argument, because other users of the host can see those.

    Raises:
        RequestRejected: the file cannot be read, or the credential is malformed.
    """
    token = os.environ.get("SA_CONTEXTS_TOKEN")
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise RequestRejected(f"cannot read {path}: {why}") from None
    if token is not None and TOKEN.fullmatch(token) is None:
        raise RequestRejected("the key or token is malformed")
    return token


def require_secrecy(url: str) -> None:
    """Check that a credential cannot be read on the way to the server.

    Raises:
        RequestRejected: it would cross the network in clear text.
    """
    base = _base(url)
    if base.scheme == "http" and not is_loopback_host(base.host):
        raise RequestRejected(
            f"a key or token would go in clear text to {base}: use https, or pass --allow-insecure"
        )


def create_client(
    url: str, token: str | None = None, trust: ssl.SSLContext | None = None
) -> httpx2.AsyncClient:
    """Create a client of the server at a URL.

    A proxy of the environment is used only to tunnel TLS to another host (CONNECT, RFC 9110,
    9.3.6): otherwise it would see the credential.

    Args:
        url: the server's URL.
        token: the credential to send, if any.
        trust: the TLS context; by default the system's.

    Raises:
        RequestRejected: the URL is invalid.
    """
    base = _base(url)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    verify = True if trust is None else trust
    return httpx2.AsyncClient(
        base_url=base,
        timeout=TIMEOUT,
        headers=headers,
        verify=verify,
        trust_env=base.scheme == "https" and not is_loopback_host(base.host),
    )


async def events(
    client: httpx2.AsyncClient, parameters: Parameters
) -> AsyncGenerator[Connected | Lost | Event]:
    """Yield the server's events and the changes of the connection, without end.

    When a stream ends, another resumes after the last event's id. The first attempt to reach
    the server is not retried.

    Args:
        client: a client of the server.
        parameters: of the request; with `initial`, the stream starts with all contexts.

    Raises:
        RequestRejected: retrying would not help.
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
                    _require_events(stream.response)
                    stream.response.encoding = "utf-8"  # always (HTML, 9.2.5)
                    failures = 0
                    yield Connected(is_initial=not last_event_id)
                    async for event in stream:
                        if event.retry is not None:
                            retry_seconds = _seconds_of(event.retry)
                        last_event_id = _sendable(event.id) or last_event_id
                        if event.data:
                            yield Event(event.event, event.id, _object(event.data))
                    reason = "the server ended the stream"
                else:
                    reason = await _problem(stream.response)
                    min_seconds = _retry_after(stream.response)
        # In TLS 1.3, a rejected client certificate fails the first read.
        except (httpx2.RequestError, ssl.SSLError) as error:
            reason = printable(str(error)) or type(error).__name__
            if not has_answered:
                raise RequestRejected(f"cannot reach {client.base_url}: {reason}") from None
        seconds = max(min_seconds, min(retry_seconds * 2**failures, MAX_RETRY_SECONDS))
        failures = min(failures + 1, 10)
        yield Lost(reason, seconds)
        await anyio.sleep(seconds)


def _base(url: str) -> httpx2.URL:
    try:
        base = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise RequestRejected(f"{printable(url)} is not a URL: {error}") from None
    if base.scheme not in {"http", "https"} or not base.host:
        raise RequestRejected(f"{printable(url)} is not a URL with http or https")
    return base


def _why(error: OSError) -> str:
    return printable(str(error.strerror or error))


def _require_events(response: httpx2.Response) -> None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        _reject(response, f"answers with {printable(media_type) or 'nothing'} instead of events")


def _seconds_of(milliseconds: int) -> float:
    """Return the delay for a server's `retry` field, in seconds."""
    low, high = int(MIN_SECONDS * 1000), int(MAX_RETRY_SECONDS * 1000)
    return min(max(milliseconds, low), high) / 1000  # clamp first: the integer may exceed a float


def _sendable(event_id: str) -> str:
    """Return an event's id.

    Raises:
        RequestRejected: no header can hold it, so the stream could not be resumed.
    """
    if not (event_id.isascii() and event_id.isprintable()):
        raise RequestRejected("an event of the server has an id that cannot be sent back")
    return event_id


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RequestRejected(f"an event of the server is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestRejected("an event of the server is not an object")
    return value


async def _problem(response: httpx2.Response) -> str:
    """Return the reason of a temporary problem.

    Raises:
        RequestRejected: the problem is permanent.
    """
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MAX_PROBLEM_BYTES:
            break
    reason = f"{response.status_code} {response.reason_phrase}"
    try:
        problem = _object(body.decode())
        errors = "".join(f"; {e['parameter']}: {e['reason']}" for e in problem.get("errors", []))
        reason = f"{problem['detail']}{errors}"
    except (RequestRejected, UnicodeDecodeError, KeyError, TypeError, RecursionError):
        pass  # the response is not this server's, but probably a proxy's
    if not response.is_server_error and response.status_code not in {408, 429}:
        _reject(response, f"rejects the request: {printable(reason)}")
    return printable(reason)


def _reject(response: httpx2.Response, predicate: str) -> NoReturn:
    raise RequestRejected(f"{response.url.copy_with(query=None)} {predicate}")


def _retry_after(response: httpx2.Response) -> float:
    text = response.headers.get("retry-after", "")
    is_short = text.isdecimal() and len(text) < 10  # noqa: PLR2004  # 9 digits: 31 years
    return min(float(text), MAX_RETRY_AFTER_SECONDS) if is_short else 0.0

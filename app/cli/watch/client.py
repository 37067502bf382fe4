"""The client of `GET /sa-contexts/events`: one stream after another, without a gap between them."""

from __future__ import annotations

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
"""How long to wait before coming again, where the server does not say."""
MIN_SECONDS: Final = 1.0
"""How long to wait at least, whatever the server says: asking at once again would load it."""
MAX_RETRY_SECONDS: Final = 30.0
"""How long to wait at most where it does not come back."""
MAX_RETRY_AFTER_SECONDS: Final = 300.0
"""How long to wait at most where the server names a time itself."""
TIMEOUT: Final = httpx2.Timeout(10, read=45)
"""In seconds. A server that is alive says so every 15, and may take 30 to begin."""
MAX_PROBLEM_BYTES: Final = 64 << 10

Parameters = Mapping[str, str | Sequence[str]]


class RequestRejected(Exception):
    """The server cannot be watched so, now or later; says why."""


class Connected(NamedTuple):
    """A stream has begun.

    Attributes:
        is_anew: whether it tells everything from the beginning.
    """

    is_anew: bool


class Lost(NamedTuple):
    """There is no stream now.

    Attributes:
        reason: why; printable.
        seconds: after how long another is asked for.
    """

    reason: str
    seconds: float


class Event(NamedTuple):
    """One event of the server (`app.resources.sa_contexts.event_schema`)."""

    kind: str
    event_id: str
    data: dict[str, Any]


def trusted(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Who is trusted to be the server, and what is shown to it.

    Args:
        ca: the file of the authorities, in PEM; the system's, if not given.
        certificate: the file of a certificate and its key, in PEM, for who asks for one.

    Raises:
        Refused: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca) if ca else httpx2.create_ssl_context()
    except OSError as error:
        raise RequestRejected(
            f"{printable(str(ca))} holds no authorities in PEM: {_why(error)}"
        ) from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate)
        except OSError as error:
            raise RequestRejected(
                f"{printable(str(certificate))} holds no certificate with its key in PEM: "
                f"{_why(error)}"
            ) from None
    return context


def require_secrecy(url: str) -> None:
    """Do nothing where only the server gets what is sent to it.

    Raises:
        Refused: it would go over the network in clear text.
    """
    base = _base(url)
    if base.scheme == "http" and not is_loopback_host(base.host):
        raise RequestRejected(
            f"a key or token would go in clear text to {base}: use https, or tell it --insecure"
        )


def create_client(
    url: str, token: str | None = None, trust: ssl.SSLContext | None = None
) -> httpx2.AsyncClient:
    """A client of the server at that URL.

    A proxy that the environment names is asked only for a tunnel to another machine, through which
    TLS goes (RFC 9110, 9.3.6): any other would see the credential.

    Args:
        url: the server's.
        token: the credential to show, if any.
        trust: who is trusted to be the server; who the system trusts, if not given.

    Raises:
        Refused: it is none.
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
    """All that a server tells, and what becomes of the connection, without end.

    A stream that ends is followed by another, from the last event's id on. The first must begin.

    Args:
        client: of the server.
        parameters: of the request; `initial`, to begin with all contexts.

    Raises:
        Refused: asking again would not help.
    """
    last_event_id = ""
    retry_seconds = RETRY_SECONDS
    failures = 0
    has_answered = False
    while True:
        least = 0.0
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        try:
            async with client.sse("sa-contexts/events", params=parameters, headers=headers) as sent:
                has_answered = True
                if sent.response.status_code == 200:  # noqa: PLR2004  # OK
                    _require_events(sent.response)
                    sent.response.encoding = "utf-8"  # whatever it says (HTML, 9.2.5)
                    failures = 0
                    yield Connected(is_anew=not last_event_id)
                    async for event in sent:
                        if event.retry is not None:
                            retry_seconds = _seconds_of(event.retry)
                        last_event_id = _sendable(event.id) or last_event_id
                        if event.data:
                            yield Event(event.event, event.id, _object(event.data))
                    reason = "the server ended the stream"
                else:
                    reason = await _problem(sent.response)
                    least = _retry_after(sent.response)
        except (httpx2.RequestError, ssl.SSLError) as error:  # TLS 1.3 refuses while one reads
            reason = printable(str(error)) or type(error).__name__
            if not has_answered:
                raise RequestRejected(f"cannot reach {client.base_url}: {reason}") from None
        seconds = max(least, min(retry_seconds * 2**failures, MAX_RETRY_SECONDS))
        failures = min(failures + 1, 10)
        yield Lost(reason, seconds)
        await anyio.sleep(seconds)


def _base(url: str) -> httpx2.URL:
    try:
        base = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise RequestRejected(f"{printable(url)} is not a URL: {error}") from None
    if base.scheme not in {"http", "https"} or not base.host:
        raise RequestRejected(f"{printable(url)} is not a URL of HTTP")
    return base


def _why(error: OSError) -> str:
    return printable(str(error.strerror or error))


def _require_events(response: httpx2.Response) -> None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        _refuse(response, f"answers with {printable(media_type) or 'nothing'} instead of events")


def _seconds_of(milliseconds: int) -> float:
    """Return how long to wait where the server asks for that many milliseconds."""
    low, high = int(MIN_SECONDS * 1000), int(MAX_RETRY_SECONDS * 1000)
    return min(max(milliseconds, low), high) / 1000  # bounded first: a float may not hold it


def _sendable(event_id: str) -> str:
    """Return the id of an event.

    Raises:
        Refused: no header can hold it, and so the stream could not be resumed.
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
    """What is wrong for now, as the server says.

    Raises:
        Refused: it is for good.
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
        pass  # it is not a server of SA contexts that answers, but a proxy before it
    if not response.is_server_error and response.status_code not in {408, 429}:
        _refuse(response, f"refuses: {printable(reason)}")
    return printable(reason)


def _refuse(response: httpx2.Response, what: str) -> NoReturn:
    raise RequestRejected(f"{response.url.copy_with(query=None)} {what}")


def _retry_after(response: httpx2.Response) -> float:
    text = response.headers.get("retry-after", "")
    is_short = text.isdecimal() and len(text) < 10  # noqa: PLR2004  # decades
    return min(float(text), MAX_RETRY_AFTER_SECONDS) if is_short else 0.0

"""The client of a running server: what it trusts and sends, and what an answer means."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import orjson

from app.cli.printable import printable
from app.cli.servers import Access
from app.net.secure_urls import is_loopback_host


TIMEOUT: Final = httpx2.Timeout(10, read=45)
"""In seconds. The server sends a keep-alive every 15, and may take 30 to respond."""
MAX_BYTES: Final = 64 << 20
"""Maximum size of an answer; a page of the server's maximum length has about 5 MB."""
TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The syntax of a bearer token (RFC 6750, 2.1)."""

Parameters = Mapping[str, str | Sequence[str]]


class RequestRejected(Exception):
    """The command cannot get what it asked for, and does not retry; the message says why."""


class Problem(NamedTuple):
    """An error response.

    Attributes:
        url: the URL, without parameters.
        reason: why the request failed; printable.
        code: the code of the problem; empty if the response is not this server's.
        is_temporary: whether retrying may help.
    """

    url: str
    reason: str
    code: str
    is_temporary: bool

    def rejected(self) -> RequestRejected:
        """Return the exception for the problem."""
        verb = "cannot answer" if self.is_temporary else "rejects the request"
        return RequestRejected(f"{self.url} {verb}: {self.reason}")


class Server(NamedTuple):
    """A running server.

    Attributes:
        url: its URL.
        token: the credential to send, if any.
        trust: the TLS context; None: the system's.
    """

    url: str
    token: str | None = None
    trust: ssl.SSLContext | None = None


def server_at(url: str, access: Access) -> Server:
    """Return the server at a URL, with the credential and certificates to use.

    Raises:
        RequestRejected: one of them cannot be used, or others could read the credential.
    """
    is_secured = url.lower().startswith("https:")
    if (access.ca or access.certificate) and not is_secured:
        raise RequestRejected("--ca and --certificate require an https URL")
    trust = trusted(access.ca, access.certificate) if is_secured else None
    token = read_token(access.token_file)
    if token is not None and not access.allow_insecure:
        require_secrecy(url)
    return Server(url, token, trust)


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

    It is never an argument: other users of the host can see the arguments of a command.

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


def create_client(server: Server) -> httpx2.AsyncClient:
    """Create a client of a server.

    A proxy of the environment is used only to tunnel TLS to another host (CONNECT, RFC 9110,
    9.3.6): otherwise it would see the credential.

    Raises:
        RequestRejected: the URL is invalid.
    """
    base = _base(server.url)
    headers = {} if server.token is None else {"Authorization": f"Bearer {server.token}"}
    verify = True if server.trust is None else server.trust
    return httpx2.AsyncClient(
        base_url=base,
        timeout=TIMEOUT,
        headers=headers,
        verify=verify,
        trust_env=base.scheme == "https" and not is_loopback_host(base.host),
    )


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


async def get_object(
    client: httpx2.AsyncClient, path: str, parameters: Parameters
) -> dict[str, Any] | Problem:
    """Return the JSON object at a path, or the problem that the server answers with.

    Raises:
        RequestRejected: the server cannot be reached, or the answer is not a JSON object.
    """
    try:
        async with client.stream("GET", path, params=parameters) as response:
            body = await read_body(response, MAX_BYTES)
    # In TLS 1.3, a rejected client certificate fails the first read.
    except (httpx2.RequestError, ssl.SSLError) as error:
        raise RequestRejected(f"cannot reach {client.base_url}: {describe(error)}") from None
    if response.status_code != 200:  # noqa: PLR2004  # OK
        return problem_of(response, body)
    require_media_type(response, "application/json", "JSON")
    return parse_object(body, "the answer of the server")


async def read_body(response: httpx2.Response, max_bytes: int) -> bytes:
    """Read a response; if it is longer than the maximum, only its beginning."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > max_bytes:
            break
    return bytes(body)


def problem_of(response: httpx2.Response, body: bytes) -> Problem:
    """Return the problem that a response describes, or its status if it describes none."""
    reason, code = f"{response.status_code} {response.reason_phrase}", ""
    try:
        problem = parse_object(body, "the problem")
        errors = "".join(f"; {e['parameter']}: {e['reason']}" for e in problem.get("errors", []))
        reason, code = f"{problem['detail']}{errors}", str(problem.get("code"))
    except (RequestRejected, KeyError, TypeError, RecursionError):
        pass  # the response is not this server's, but probably a proxy's
    is_temporary = response.is_server_error or response.status_code in {408, 429}
    return Problem(_address(response), printable(reason), code, is_temporary=is_temporary)


def require_media_type(response: httpx2.Response, media_type: str, what: str) -> None:
    """Check the media type of a response.

    Raises:
        RequestRejected: it is another one: this is not an sa-contexts server.
    """
    given = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media_type:
        sentence = f"answers with {printable(given) or 'nothing'} instead of {what}"
        raise RequestRejected(f"{_address(response)} {sentence}")


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        RequestRejected: the text is not a JSON object.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RequestRejected(f"{what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestRejected(f"{what} is not an object")
    return value


@contextmanager
def malformed_rejected(what: str) -> Iterator[None]:
    """Raise `RequestRejected` if the block fails to read what the server sent."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
        raise RequestRejected(f"{what} of the server lacks the shape of its kind") from None


def describe(error: Exception) -> str:
    """Return why a request failed; printable."""
    return printable(str(error)) or type(error).__name__


def _address(response: httpx2.Response) -> str:
    return str(response.url.copy_with(query=None))

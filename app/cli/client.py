"""The HTTP client of a running server: TLS trust, credentials, requests and problems."""

from __future__ import annotations

import os
import re
import ssl
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import orjson
import typer

from app.cli.printable import printable
from app.cli.servers import Access
from app.cli.unreachable import explain_unreachable
from app.net.secure_urls import is_loopback_host


TIMEOUT: Final = httpx2.Timeout(10, read=45)
"""In seconds. A stream is silent for at most 15 s, and a response may take 30 s by default."""
MAX_BYTES: Final = 64 << 20
"""Maximum size of a response body; a page of maximum length has about 5 MB."""
URL: Final = "--url or SA_CONTEXTS_URL"
EXAMPLE: Final = "http://127.0.0.1:8000"
TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The syntax of a bearer token (RFC 6750, 2.1)."""

NOT_THE_API: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Statuses of a server whose URL is given with a path that does not lead to the API."""
NO_OPTIONS: Final = frozenset({"cursor", "initial", "limit", "view"})
"""Parameters that commands send by themselves."""

Parameters = Mapping[str, str | Sequence[str]]


class RequestRejected(Exception):
    """A request failed and is not retried; the message says why."""


class Problem(NamedTuple):
    """An error response.

    Attributes:
        url: the URL, without parameters.
        reason: why the request failed, as printable text.
        code: the code of the problem; empty if the body does not describe a problem.
        is_temporary: whether retrying may help.
    """

    url: str
    reason: str
    code: str
    is_temporary: bool

    def rejected(self) -> RequestRejected:
        """Return an exception that reports the problem."""
        verb = "cannot answer" if self.is_temporary else "rejects the request"
        return RequestRejected(f"{self.url} {verb}: {self.reason}")


class Server(NamedTuple):
    """A running server.

    Attributes:
        url: its URL.
        token: the credential to send, if any.
        trust: the TLS context; None: the default context.
    """

    url: str
    token: str | None = None
    trust: ssl.SSLContext | None = None


def server_at(url: str, access: Access) -> Server:
    """Return the server at a URL, with the credential and certificates to use.

    Raises:
        typer.BadParameter: the URL is invalid, or the options contradict each other.
        RequestRejected: a file or the credential cannot be used; or the credential would cross the
            network in clear text.
    """
    is_secured = _base(url).scheme == "https"
    if (access.ca or access.certificate) and not is_secured:
        raise typer.BadParameter("--ca and --certificate require an https URL", param_hint=URL)
    trust = trusted(access.ca, access.certificate) if is_secured else None
    token = read_token(access.token_file)
    if token is not None and not access.allow_insecure:
        require_secrecy(url)
    return Server(url, token, trust)


def trusted(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Create the TLS context.

    Args:
        ca: a file with the trusted CA certificates in PEM; None: the default ones.
        certificate: a file with the client certificate and its key in PEM; None: no certificate.

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
    """Return the credential in the file or else in SA_CONTEXTS_TOKEN; None if there is neither.

    The credential is never a command-line argument, which other users of the host could see.

    Raises:
        RequestRejected: the file cannot be read, or the credential is malformed.
    """
    token = os.environ.get("SA_CONTEXTS_TOKEN")
    if path is not None:
        try:
            content = path.read_bytes()
            # The redirection of Windows PowerShell 5.1 writes UTF-16, and Windows' editors a BOM.
            is_utf_16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
            token = content.decode("utf-16" if is_utf_16 else "utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise RequestRejected(f"cannot read {path}: {why}") from None
    if token is not None and TOKEN.fullmatch(token) is None:
        raise RequestRejected("the key or token is malformed")
    return token


def require_secrecy(url: str) -> None:
    """Check that a credential sent to a URL does not cross the network in clear text.

    Raises:
        typer.BadParameter: the URL is invalid.
        RequestRejected: the credential would cross it in clear text.
    """
    base = _base(url)
    if base.scheme == "http" and not is_loopback_host(base.host):
        raise RequestRejected(
            f"a key or token would go in clear text to {base}: use https, or pass --allow-insecure"
        )


def create_client(server: Server) -> httpx2.AsyncClient:
    """Create a client of a server.

    The client uses a proxy from the environment only to tunnel TLS to another host (CONNECT, RFC
    9110, 9.3.6). Over plain HTTP, the proxy would see the credential.

    Raises:
        typer.BadParameter: the URL is invalid.
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
        sentence = f"{printable(url)} is not a URL: {error}"
        raise typer.BadParameter(sentence, param_hint=URL) from None
    if base.scheme not in {"http", "https"} or not base.host:
        sentence = f"{printable(url)} is not a URL with http or https, such as {EXAMPLE}"
        raise typer.BadParameter(sentence, param_hint=URL)
    return base


def _why(error: OSError) -> str:
    return printable(str(error.strerror or error))


async def get_object(
    client: httpx2.AsyncClient, path: str, parameters: Parameters
) -> dict[str, Any] | Problem:
    """Return the JSON object at a path, or the server's problem.

    Raises:
        RequestRejected: the server cannot be reached, or its response is not a JSON object.
    """
    try:
        async with client.stream("GET", path, params=parameters) as response:
            body = await read_body(response, MAX_BYTES)
    # In TLS 1.3, the first read fails if the server rejects the client certificate.
    except (httpx2.RequestError, ssl.SSLError) as error:
        why = explain_unreachable(error, client.base_url)
        raise RequestRejected(f"cannot reach {client.base_url}: {why}") from None
    if response.status_code != 200:  # noqa: PLR2004  # OK
        return problem_of(response, body, client)
    require_media_type(response, "application/json", "JSON")
    return parse_object(body, "the answer of the server")


async def read_body(response: httpx2.Response, max_bytes: int) -> bytes:
    """Read the body of a response; stop once it exceeds `max_bytes`."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > max_bytes:
            break
    return bytes(body)


def problem_of(response: httpx2.Response, body: bytes, client: httpx2.AsyncClient) -> Problem:
    """Return the problem in a response's body; if there is none, the status is the reason.

    The reason also says which options to change, if that is known.
    """
    reason, code = f"{response.status_code} {response.reason_phrase}", ""
    try:
        problem = parse_object(body, "the problem")
        given = response.url.params.keys() - NO_OPTIONS
        errors = [
            f"{_option(error['parameter'])}: {error['reason']}"
            for error in problem.get("errors", [])
            if error["parameter"] in given
        ]
        detail = str(problem["detail"])
        reason = f"{detail.rstrip('.')}: {'; '.join(errors)}" if errors else detail
        code = str(problem.get("code", ""))
    except (RequestRejected, KeyError, TypeError, AttributeError, RecursionError):
        pass  # probably a response of a proxy, not of the server
    is_temporary = response.is_server_error or response.status_code in {408, 429}
    if response.status_code == HTTPStatus.UNAUTHORIZED and "Authorization" not in client.headers:
        reason += " Pass --token-file, or set SA_CONTEXTS_TOKEN."
    if response.status_code in NOT_THE_API and client.base_url.path != "/":
        root = client.base_url.copy_with(path="/")
        reason += f" If this is a path of the API, pass only the URL of the server: --url {root}"
    return Problem(_address(response), printable(reason), code, is_temporary=is_temporary)


def _option(parameter: str) -> str:
    """Return the option that sends a parameter of the API."""
    return "--" + re.sub("[A-Z]", lambda capital: f"-{capital[0].lower()}", parameter)


def require_media_type(response: httpx2.Response, media_type: str, what: str) -> None:
    """Check the media type of a response.

    Raises:
        RequestRejected: the response has another media type, so it is not an sa-contexts server's.
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
    """Raise `RequestRejected` if the block fails because an answer lacks the expected shape."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError):
        raise RequestRejected(f"{what} of the server lacks the shape of its kind") from None


def _address(response: httpx2.Response) -> str:
    return str(response.url.copy_with(query=None))

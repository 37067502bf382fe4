"""The HTTP client of a hub."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
import orjson
from pydantic import ValidationError

from app.fleet.wire import (
    PREFIX,
    Challenge,
    Changes,
    Enrolled,
    Enrolment,
    Heartbeat,
    HeartbeatTaken,
    Position,
    Session,
    SessionRequest,
    SnapshotPart,
    Taken,
    Wire,
)


W = TypeVar("W", bound=Wire)

TIMEOUT: Final = httpx2.Timeout(10, read=60)
"""In seconds. A hub whose database is busy may let a report wait."""
MAX_ANSWER_BYTES: Final = 4 << 20
GZIP_LEVEL: Final = 6


class HubUnreachable(Exception):
    """A hub did not answer as a hub does; the message says why.

    Attributes:
        retry_after: how long the hub asks to wait, in seconds; None: it does not say.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class HubProblem(HubUnreachable):
    """A hub answered with a problem that is its own.

    Attributes:
        code: the problem's code.
        position: what the hub has, if the problem says so.
    """

    def __init__(self, code: str, detail: str, position: Position | None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.position = position


class HubClient:
    """A client of one hub. Belongs to one event loop.

    It uses the proxy that the settings name, not the environment's: a service has no user.
    """

    def __init__(self, url: str, ca_file: Path | None, proxy: str | None) -> None:
        """Create a client, which connects when it is used.

        Args:
            url: the hub's URL.
            ca_file: the certificates of the authorities that are trusted; None: the system's.
            proxy: the URL of the proxy; None: none.

        Raises:
            OSError: the certificates cannot be read.
        """
        trust = (
            ssl.create_default_context(cafile=ca_file) if ca_file else httpx2.create_ssl_context()
        )
        self._http = httpx2.AsyncClient(
            base_url=url.rstrip("/") + PREFIX,
            verify=trust,
            proxy=proxy,
            trust_env=False,
            timeout=TIMEOUT,
            follow_redirects=False,
        )
        self._session: str | None = None

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def enrol(self, enrolment: Enrolment) -> Enrolled:
        """Enrol this host.

        Raises:
            HubUnreachable, HubProblem: it is not enrolled.
        """
        return await self._post("enrolments", enrolment, Enrolled)

    async def challenge(self) -> Challenge:
        """Return a nonce to sign.

        Raises:
            HubUnreachable, HubProblem: there is none.
        """
        return await self._post("challenges", None, Challenge)

    async def open_session(self, request: SessionRequest) -> Session:
        """Open a session, whose credential the next requests have.

        Raises:
            HubUnreachable, HubProblem: there is none.
        """
        session = await self._post("sessions", request, Session)
        self._session = session.session
        return session

    async def send_changes(self, head: Changes, lines: Iterable[bytes]) -> Taken:
        """Report changes.

        Raises:
            HubUnreachable, HubProblem: the hub did not acknowledge them; it may have them.
        """
        return await self._post_report("changes", head, lines)

    async def send_part(self, head: SnapshotPart, lines: Iterable[bytes]) -> Taken:
        """Report a part of a snapshot.

        Raises:
            HubUnreachable, HubProblem: the hub did not acknowledge it; it may have it.
        """
        return await self._post_report("snapshots", head, lines)

    async def send_heartbeat(self, heartbeat: Heartbeat) -> HeartbeatTaken:
        """Send a sign of life.

        Raises:
            HubUnreachable, HubProblem: the hub did not acknowledge it.
        """
        return await self._post("heartbeats", heartbeat, HeartbeatTaken)

    async def _post_report(self, path: str, head: Wire, lines: Iterable[bytes]) -> Taken:
        text = b"\n".join([head.model_dump_json().encode(), *lines])
        body = gzip.compress(text, GZIP_LEVEL, mtime=0)
        return await self._send(path, body, "application/gzip", Taken)

    async def _post(self, path: str, request: Wire | None, answer: type[W]) -> W:
        body = b"" if request is None else request.model_dump_json().encode()
        return await self._send(path, body, "application/json", answer)

    async def _send(self, path: str, body: bytes, media_type: str, answer: type[W]) -> W:
        headers = {"Content-Type": media_type, "Content-Length": str(len(body))}
        if self._session is not None:
            headers["Authorization"] = f"Bearer {self._session}"
        try:
            response = await self._http.post(f"/{path}", content=body, headers=headers)
        except httpx2.HTTPError as error:
            raise HubUnreachable(f"{error!r}") from None
        if len(response.content) > MAX_ANSWER_BYTES:
            raise HubUnreachable("the answer is too large")
        if response.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise _failure(response)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError:  # a captive portal, or a proxy that answers by itself
            raise HubUnreachable("the answer is not a hub's") from None


def _failure(response: httpx2.Response) -> HubUnreachable:
    """Return why a request failed; only a hub's own problems have a meaning."""
    retry_after = response.headers.get("retry-after", "")
    seconds = float(retry_after) if retry_after.isdecimal() else None
    about: Any = None
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            about = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            about = None
    if not isinstance(about, dict) or not isinstance(about.get("code"), str):
        return HubUnreachable(f"the answer is {response.status_code}, not a hub's", seconds)
    position: Position | None = None
    try:
        if about.get("position") is not None:
            position = Position.model_validate(about["position"])
    except ValidationError:
        return HubUnreachable("the answer is not a hub's", seconds)
    problem = HubProblem(about["code"], str(about.get("detail", "")), position)
    problem.retry_after = seconds
    return problem

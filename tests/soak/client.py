"""One client: it asks, and each answer is judged before it is looked at."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2
import orjson

from tests.soak.canary import shows_key
from tests.soak.contract import PROBLEM, Answer, Violation, check, operation_of
from tests.soak.credentials import Credentials
from tests.soak.outcomes import Outcomes
from tests.soak.seen import Seen


TIMEOUT_SECONDS = 60
KEEP_ALIVE_SECONDS = 2
"""Less than the server's, which seldom closes a connection then while a request is on its way."""


class ServerGone(Exception):
    """The server has stopped, as ordered."""


class CutOff(Exception):
    """A body ended before its end."""


class Exchange:
    """How far one exchange of request and response got, as httpcore traces it.

    A server may close a persistent connection at any time, also while a request is on its way; the
    client sends it once more then (RFC 9112, 9.3.1 and 9.5). This happens to a client that reads so
    slowly that the server, which has written everything, takes its connection for an idle one.
    """

    def __init__(self) -> None:
        self._is_new_connection = False
        self._has_response = False

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        """Note what happens."""
        self._is_new_connection |= event.startswith("connection.connect_tcp")
        self._has_response |= event == "http11.receive_response_headers.complete"

    @property
    def may_be_repeated(self) -> bool:
        """Whether the connection was closed before anything of a response came."""
        return not self._is_new_connection and not self._has_response


@dataclass
class Scene:
    """What all clients share.

    Attributes:
        url: where the server is.
        outcomes: what came of it all.
        credentials: what clients present and trust; None if the server requires no credentials.
        seen: what they have seen so far of each list, by its path.
        is_stopping: whether the server was ordered to stop.
        at_work: clear while all clients are to rest.
        hold_seconds: the maximum lifetime of a lease that the server was set to.
    """

    url: str
    hold_seconds: float
    credentials: Credentials | None = None
    outcomes: Outcomes = field(default_factory=Outcomes)
    seen: dict[str, Seen] = field(default_factory=lambda: defaultdict(Seen))
    is_stopping: bool = False
    at_work: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_hurrying(self) -> bool:
        """Whether slow readers are to finish."""
        return self.is_stopping or not self.at_work.is_set()


class Client:
    """A client with connections, habits and chance of its own.

    Attributes:
        scene: what it shares with others.
        random: what it does by chance, the same for the same seed and name.
    """

    def __init__(self, scene: Scene, name: str, seed: int, *, rests: bool = True) -> None:
        self.scene = scene
        self._rests = rests
        self.random = Random(f"{seed} {name}")
        self._http = httpx2.AsyncClient(
            base_url=scene.url,
            verify=scene.credentials.tls if scene.credentials else True,
            timeout=TIMEOUT_SECONDS,
            limits=httpx2.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
            trust_env=False,
        )

    async def ask(
        self, target: str, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a request, which is as documented.

        Raises:
            Violation: it is not.
            ServerGone: there is none, for the server stops.
        """
        await self._begin()
        asked = time.monotonic()
        try:
            response = await self._send(method, target, headers)
            try:
                answer = _answer(method, target, response, await response.aread(), asked)
            finally:
                await response.aclose()
        except httpx2.TransportError as error:
            raise self._lost(error, method, target) from error
        self._judge(answer)
        return answer

    @asynccontextmanager
    async def stream(
        self, target: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """A success as its head came, judged, and its body as it comes, which may raise `CutOff`.

        The body of what is no success is in the answer.

        Raises:
            Violation, ServerGone: as for `ask`.
        """
        await self._begin()
        asked = time.monotonic()
        try:
            response = await self._send("GET", target, headers)
            try:
                body = b"" if response.is_success else await response.aread()
                answer = _answer("GET", target, response, body, asked)
                self._judge(answer, is_whole=not response.is_success)
                yield answer, _pieces(response)
            finally:
                await response.aclose()
        except httpx2.TransportError as error:
            raise self._lost(error, "GET", target) from error

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    def count(self, kind: str, outcome: str) -> None:
        """Count an outcome of a kind of work."""
        self.scene.outcomes.count(kind, outcome)

    async def _begin(self) -> None:
        """Ask for nothing while all rest."""
        if self._rests:
            await self.scene.at_work.wait()

    async def _send(
        self, method: str, target: str, headers: Mapping[str, str] | None
    ) -> httpx2.Response:
        """Send a request, again if the connection was closed as it came; the response is open."""
        while True:
            exchange = Exchange()
            request = self._http.build_request(
                method,
                target,
                headers=self._headers(method, target, headers),
                extensions={"trace": exchange.trace},
            )
            try:
                return await self._http.send(request, stream=True)
            except httpx2.TransportError as error:
                if not exchange.may_be_repeated:
                    error.add_note("before the body of a response")
                    raise
                self.count("connections", "closed as a request came")

    def _headers(self, method: str, target: str, given: Mapping[str, str] | None) -> dict[str, str]:
        """Return headers with a key that authorizes the request; leave out empty headers."""
        headers = {"accept-encoding": self.random.choice(["identity", "identity", "gzip"])}
        if self.scene.credentials is not None:
            operation = operation_of(method, target)
            scope = (operation and (operation.scope or operation.shows_more)) or "sa:read"
            headers["authorization"] = f"Bearer {self.scene.credentials.keys[scope]}"
        return {name: value for name, value in {**headers, **(given or {})}.items() if value}

    def _judge(self, answer: Answer, *, is_whole: bool = True) -> None:
        check(answer, is_whole=is_whole)
        if shows_key(str(answer.headers).encode() + answer.body):
            raise answer.violation("key material")
        outcome = self._outcome(answer)
        if outcome == "503 server_stopping" and not self.scene.is_stopping:
            raise answer.violation("the server was not ordered to stop")
        operation = operation_of(answer.method, answer.target)
        self.count(f"{answer.method} {operation.path}" if operation else "elsewhere", outcome)
        self.scene.outcomes.bytes += len(answer.body)

    def _outcome(self, answer: Answer) -> str:
        if answer.media_type == PROBLEM and answer.content:
            return f"{answer.status} {answer.content['code']}"
        coding = answer.headers.get("content-encoding")
        parts = [f"{answer.status} {answer.media_type}".strip(), *([coding] if coding else [])]
        return ", ".join(parts)

    def _lost(self, error: Exception, method: str, target: str) -> Exception:
        if self.scene.is_stopping:
            return ServerGone()
        notes = ", ".join(getattr(error, "__notes__", ["amid a body"]))
        return Violation(f"{method} {target}\n=> no answer: {error!r}, {notes}")


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except httpx2.TransportError as error:
        raise CutOff from error


def _answer(
    method: str, target: str, response: httpx2.Response, body: bytes, asked: float
) -> Answer:
    content: Any = None
    with suppress(orjson.JSONDecodeError):
        content = orjson.loads(body)
    return Answer(
        method,
        target,
        response.status_code,
        dict(response.headers),
        body,
        content,
        asked,
        time.monotonic(),
    )

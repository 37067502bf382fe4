"""The limits of connections, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from struct import pack
from threading import Event, Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.api.request_state import request_state
from app.auth.callers import ALL_ACCESS, UNAUTHENTICATED_CALLER
from app.server.admission import Admission
from app.server.idle_connections import MAX_RESERVED, IdleConnections
from app.server.protocol import (
    LINGER_SECONDS,
    SLICE_BYTES,
    LimitedH11Protocol,
    Stage,
)
from app.server.rejections import DELAY_SECONDS, MAX_UNDELAYED_REJECTIONS, RejectionDelay
from app.server.tls.certificates import CertificateReloader, HandshakeOutcome
from app.server.uvicorn_server import Server, create_server, listen
from app.settings.limits import ConnectionLimits


LIMITS = ConnectionLimits(
    max_connections=4,
    keepalive_timeout_seconds=2,
    request_timeout_seconds=0.5,
    send_timeout_seconds=1,
    max_request_bytes=1024,
)
MAX_BYTES = 16384
"""The documented limit (docs/robustness.md), and the default."""
TICK_SECONDS = 1.5
"""How late a limit may be enforced: connections are checked once a second."""
HIGH_WATER = 64 << 10
"""Unread bytes at which asyncio pauses writing."""
BODY = bytes(range(256)) * (64 << 10)
FITTING_BYTES = 100_000
"""A response that leaves the process at once, into the system's send queue."""

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LAST = GET + b"Connection: close\r\n"
PUBLIC = GET.replace(b"/", b"/public", 1) + b"\r\n"
REJECTED = GET.replace(b"/", b"/rejected", 1) + b"\r\n"


class Application:
    """Answers `/` and `/fitting` at once, `/wait` on `go_on`, `/large` at length, `/part` in part.

    It rejects `/rejected`. It answers `/pieces` piece by piece once the client has left, blocking
    the loop until then.
    """

    def __init__(self) -> None:
        self.client_left = Event()
        self.go_on = asyncio.Event()
        self.begun = 0
        self.pipelined: list[bool] = []
        self.caller = ALL_ACCESS
        self.given_up = Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for expected in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{expected}"
                await send({"type": f"lifespan.{expected}.complete"})
            return
        self.begun += 1
        self.pipelined.append(request_state(scope).is_pipelined)
        request_state(scope).caller = self.caller
        if scope["path"] == "/public":  # whose credential is ignored
            request_state(scope).caller = UNAUTHENTICATED_CALLER
        if scope["path"] == "/rejected":
            request_state(scope).is_rejected = True
        if scope["path"] == "/wait":
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                self.given_up.set()
                raise
        if scope["path"] == "/pieces":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            self.client_left.wait(10)
            for _ in range(1000):
                await send({"type": "http.response.body", "body": b"here", "more_body": True})
            await send({"type": "http.response.body"})
            return
        if scope["path"] == "/part":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"here", "more_body": True})
            return
        body = {"/large": BODY, "/fitting": BODY[:FITTING_BYTES]}.get(scope["path"], b"here")
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Served:
    """A server in a thread of this process, and clients that are closed at the end.

    Attributes:
        rejected: the codes of the problems answered before the application ran.
        outcomes: the outcomes of the handshakes.
    """

    def __init__(
        self,
        stack: ExitStack,
        tls: CertificateReloader | None = None,
        limits: ConnectionLimits = LIMITS,
    ) -> None:
        self._stack = stack
        self._listener = listen("127.0.0.1", 0)
        self.address = self._listener.getsockname()
        self.application = Application()
        self.rejected: list[str] = []
        self.outcomes: list[HandshakeOutcome] = []
        self.server: Server = create_server(
            self.application,
            self._begin_stop,
            limits,
            lambda problem, _: self.rejected.append(problem.kind.code),
            tls,
            self.outcomes.append,
        )
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self._run)

    def connect(self, data: bytes = b"", *, receive_bytes: int | None = None) -> socket.socket:
        client = self._stack.enter_context(socket.socket())
        client.settimeout(10)
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect(self.address)
        client.sendall(data)
        return client

    def go_on(self) -> None:
        self.loop.call_soon_threadsafe(self.application.go_on.set)

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until a condition is true in the server's loop."""

        async def poll() -> None:
            while not condition():  # noqa: ASYNC110  # another thread changes it
                await asyncio.sleep(0.01)

        waiting = asyncio.wait_for(poll(), seconds)
        asyncio.run_coroutine_threadsafe(waiting, self.loop).result()

    @property
    def connections(self) -> set[LimitedH11Protocol]:
        return cast(set[LimitedH11Protocol], self.server.server_state.connections)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.server.serve([self._listener]))
        self.loop.close()

    def _begin_stop(self) -> None:
        self.application.go_on.set()


@contextmanager
def serving(
    tls: CertificateReloader | None = None, limits: ConnectionLimits = LIMITS
) -> Iterator[Served]:
    with ExitStack() as stack:
        served = Served(stack, tls, limits)
        served.thread.start()
        try:
            yield served
        finally:
            stack.close()
            served.server.should_exit = True
            served.thread.join(20)
        assert not served.thread.is_alive()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


def received(client: socket.socket) -> bytes:
    """Read until the server closes."""
    answer = bytearray()
    while chunk := client.recv(1 << 20):
        answer += chunk
    return bytes(answer)


def answered(client: socket.socket) -> bool:
    """Return whether the small response arrives, and nothing after it yet."""
    answer = b""
    while not answer.endswith(b"\r\n\r\nhere") and (chunk := client.recv(4096)):
        answer += chunk
    return answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 ") == 1


def problem(answer: bytes) -> dict[str, Any]:
    """Parse a problem response and check its head."""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.findall(r"([\w-]+): (.*)\r\n", head.decode() + "\r\n")
    fields = {name.lower(): value for name, value in found}
    assert fields["content-type"] == "application/problem+json; charset=utf-8"
    assert fields["connection"] == "close"
    assert int(fields["content-length"]) == len(body)
    content: dict[str, Any] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {content['status']} ".encode())
    return content


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (GET + b"A: " + b"a" * 2048, 431, "header_fields_too_large"),
        (GET + b"A: " + b"a" * 2048 + b"\r\n\r\n", 431, "header_fields_too_large"),
        (GET + b"a: a\r\n" * 10_000_000, 431, "header_fields_too_large"),
        (GET + b"Content-Length: 1025\r\n\r\n", 413, "content_too_large"),
        (GET + b"Content-Length: 99999999999\r\n\r\n" + b"a" * 9_000_000, 413, "content_too_large"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", 411, "length_required"),
        (GET + b"a:\r\n" * 101 + b"\r\n", 431, "header_fields_too_large"),
        (GET + b"Expect: 100-continue\r\nContent-Length: 9999\r\n\r\n", 413, "content_too_large"),
        (GET + b"Transfer-Encoding: gzip\r\n\r\n", 501, "request_rejected"),
    ],
)
def test_what_is_rejected_is_rejected_with_a_problem(
    served: Served, request_: bytes, status: int, code: str
) -> None:
    client = served.connect()
    with suppress(ConnectionError):  # the server closes before all is sent
        client.sendall(request_)

    answer = problem(received(client))

    assert (answer["status"], answer["code"]) == (status, code)
    assert served.rejected == [code]
    assert served.application.begun == 0


def head_of(size: int) -> bytes:
    """Return a request of a size in bytes, from its first byte to the empty line."""
    start, end = LAST + b"A: ", b"\r\n\r\n"
    return start + b"a" * (size - len(start) - len(end)) + end


def has_unread(connection: LimitedH11Protocol, count: int) -> bool:
    """Return whether the parser holds exactly `count` bytes of an incomplete request."""
    return len(connection.conn.trailing_data[0]) == count


@pytest.mark.parametrize("segment_bytes", [1 << 20, 1000, MAX_BYTES, MAX_BYTES - 1])
@pytest.mark.parametrize(
    ("size", "status"), [(MAX_BYTES - 1, 200), (MAX_BYTES, 200), (MAX_BYTES + 1, 431)]
)
def test_a_head_may_have_as_many_bytes_as_documented(
    size: int, status: int, segment_bytes: int
) -> None:
    head = head_of(size)
    with serving(limits=replace(LIMITS, max_request_bytes=MAX_BYTES)) as served:
        client = served.connect()
        served.until(lambda: bool(served.connections))
        (connection,) = served.connections
        for start in range(0, size, segment_bytes):
            served.until(partial(has_unread, connection, start))
            client.sendall(head[start : start + segment_bytes])

        assert received(client).startswith(b"HTTP/1.1 %d " % status)
        assert served.application.begun == (status == 200)


def test_a_head_behind_another_request_is_limited_likewise(served: Served) -> None:
    client = served.connect(GET + b"\r\n" + head_of(LIMITS.max_request_bytes + 1))

    first, _, second = received(client).partition(b"here")

    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 431 ")
    assert served.rejected == ["header_fields_too_large"]
    assert served.application.begun == 1


def test_requests_before_the_last_response_are_pipelined(served: Served) -> None:
    client = served.connect(GET + b"\r\n")
    assert answered(client)
    client.sendall((GET + b"\r\n") * 2 + LAST + b"\r\n")
    received(client)

    assert served.application.pipelined == [False, False, True, True]


@pytest.mark.parametrize(("fields", "status"), [(100, 200), (101, 431)])
def test_a_head_may_have_as_many_fields_as_documented(
    served: Served, fields: int, status: int
) -> None:
    client = served.connect(LAST + b"a:\r\n" * (fields - LAST.count(b":")) + b"\r\n")

    assert received(client).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(("size", "status"), [(MAX_BYTES, 200), (MAX_BYTES + 1, 413)])
def test_a_body_may_have_as_many_bytes_as_documented(size: int, status: int) -> None:
    with serving(limits=replace(LIMITS, max_request_bytes=MAX_BYTES)) as served:
        client = served.connect(LAST + b"Content-Length: %d\r\n\r\n" % size)
        with suppress(ConnectionError):  # the server may close before all is sent
            client.sendall(b"a" * size)

        assert received(client).startswith(b"HTTP/1.1 %d " % status)


def test_a_rejection_of_head_has_no_body(served: Served) -> None:
    client = served.connect(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n")

    head, _, body = received(client).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413 ")
    assert body == b""


def test_a_client_that_does_not_stop_after_a_rejection_is_cut_off(served: Served) -> None:
    client = served.connect(GET + b"Content-Length: 99999999999\r\n\r\n")
    began = monotonic()

    with suppress(ConnectionError):
        while monotonic() < began + 10:
            client.sendall(b"a" * 1024)

    assert LINGER_SECONDS - 1 < monotonic() - began < LINGER_SECONDS + TICK_SECONDS


def test_a_small_body_is_taken_and_ignored(served: Served) -> None:
    client = served.connect(LAST + b"Content-Length: 4\r\n\r\nbody")

    assert received(client).endswith(b"\r\n\r\nhere")


def test_a_client_that_asks_whether_to_send_a_small_body_gets_100_continue(served: Served) -> None:
    client = served.connect(LAST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 100 ")

    client.sendall(b"body")

    assert received(client).startswith(b"HTTP/1.1 200 ")


def test_what_comes_after_the_last_request_does_not_harm_its_answer(served: Served) -> None:
    client = served.connect(b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    served.until(lambda: served.application.begun == 1)
    client.sendall(b"nonsense")
    client.sendall(b"nonsense" * 1000)
    served.go_on()

    assert answered(client)


def test_requests_that_come_together_are_answered_in_order(served: Served) -> None:
    names = [b"/", b"/large", b"/", b"/large"]
    client = served.connect(
        b"".join(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % name for name in names) + LAST + b"\r\n"
    )

    answer = received(client)

    bodies = [len(BODY) if name == b"/large" else 4 for name in names]
    lengths = [int(length) for length in re.findall(rb"\r\ncontent-length: (\d+)\r\n", answer)]
    assert lengths == [*bodies, 4]
    assert answer.count(BODY) == 2


def test_a_silent_client_is_left(served: Served) -> None:
    began = monotonic()
    client = served.connect()

    assert received(client) == b""
    assert 0 <= monotonic() - began - LIMITS.keepalive_timeout_seconds < TICK_SECONDS


def test_a_client_without_a_further_request_is_left(served: Served) -> None:
    began = monotonic()
    client = served.connect(GET + b"\r\n")

    assert received(client).endswith(b"here")
    assert 0 <= monotonic() - began - LIMITS.keepalive_timeout_seconds < TICK_SECONDS


@pytest.mark.parametrize(
    ("target", "head", "type_", "instance"),
    [
        (b"/a/b?c=/d", b"Content-Length: 1025\r\n\r\n", "../problems/{}", "../a/b"),
        (b"/a/b?c=/d", b"a: " + b"a" * 2048, "../problems/{}", "../a/b"),
        (b"http://x/a/b", b"a: " + b"a" * 2048, "../problems/{}", "../a/b"),
        (b"/a/b", b"", "../problems/{}", "../a/b"),  # never complete
        (b"/a:b", b"Content-Length: 1025\r\n\r\n", "problems/{}", "a%3Ab"),
        (b"a/b", b"a\r\n\r\n", "/problems/{}", ""),  # nobody knows
        (b"/a", b"bad\r\n\r\nGET /other/y HTTP/1.1\r\n\r\n", "problems/{}", "a"),
        (b"//evil.com/a", b"bad\r\n\r\n", "../../problems/{}", "../.././/evil.com/a"),
    ],
)
def test_a_rejection_refers_from_the_path_of_its_request(
    served: Served, target: bytes, head: bytes, type_: str, instance: str
) -> None:
    client = served.connect()
    client.sendall(GET.replace(b"/", target, 1) + head)

    answer = problem(received(client))

    assert (answer["type"], answer["instance"]) == (type_.format(answer["code"]), instance)


@pytest.mark.parametrize(
    "request_",
    [b"G", GET, GET + b"Content-Length: 4\r\n\r\nbod"],
    ids=["line", "head", "body"],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_request_must_be_complete_in_time(
    served: Served, request_: bytes, is_first: bool
) -> None:
    client = served.connect()
    if not is_first:
        client.sendall(GET + b"\r\n")
        assert answered(client)
    client.sendall(request_)
    began = monotonic()

    rejection = problem(received(client))

    assert (rejection["status"], rejection["code"]) == (408, "request_timeout")
    assert monotonic() - began - LIMITS.request_timeout_seconds < TICK_SECONDS


def test_a_client_that_sends_by_the_byte_gains_no_time(served: Served) -> None:
    client = served.connect()
    client.settimeout(0.05)
    began, answer = monotonic(), b""
    with suppress(ConnectionError):
        for byte in GET * 100:
            client.sendall(bytes([byte]))
            with suppress(TimeoutError):
                answer = received(client)
                break

    assert problem(answer)["code"] == "request_timeout"
    assert monotonic() - began - LIMITS.request_timeout_seconds < TICK_SECONDS


def test_an_answer_may_take_longer_than_a_request(served: Served) -> None:
    client = served.connect(b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    served.until(lambda: served.application.begun == 1)
    later = served.loop.time() + LIMITS.keepalive_timeout_seconds + TICK_SECONDS
    served.until(lambda: served.loop.time() > later)
    served.go_on()

    assert received(client).endswith(b"here")


def test_who_waits_longest_makes_room_for_the_newest(served: Served) -> None:
    clients = [served.connect() for _ in range(LIMITS.max_connections)]
    for client in reversed(clients):
        client.sendall(GET + b"\r\n")
        assert answered(client)

    newest = served.connect(LAST + b"\r\n")

    assert received(newest).endswith(b"here")
    assert received(clients.pop()) == b""
    for client in clients:
        client.sendall(LAST + b"\r\n")
        assert received(client).endswith(b"here")


def test_who_never_asked_makes_room_before_who_did(served: Served) -> None:
    clients = [served.connect() for _ in range(LIMITS.max_connections)]
    served.until(lambda: len(served.connections) == LIMITS.max_connections)
    clients[0].sendall(GET + b"\r\n")
    assert answered(clients[0])

    newest = served.connect(LAST + b"\r\n")

    assert received(newest).endswith(b"here")
    with suppress(ConnectionError):
        assert received(clients[1]) == b""
    for client in (clients[0], clients[2], clients[3]):
        client.sendall(LAST + b"\r\n")
        assert received(client).endswith(b"here")


def test_who_was_authorized_stays_so_after_a_public_path(served: Served) -> None:
    clients = [served.connect() for _ in range(LIMITS.max_connections)]
    clients[0].sendall(GET + b"\r\n")
    assert answered(clients[0])
    for client in clients:
        client.sendall(PUBLIC)
        assert answered(client)

    newest = served.connect(LAST + b"\r\n")

    assert received(newest).endswith(b"here")
    with suppress(ConnectionError):
        assert received(clients[1]) == b""
    clients[0].sendall(LAST + b"\r\n")
    assert received(clients[0]).endswith(b"here")


def test_the_newest_is_rejected_while_all_others_are_being_answered(served: Served) -> None:
    clients = [
        served.connect(b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for _ in range(LIMITS.max_connections)
    ]
    served.until(lambda: served.application.begun == LIMITS.max_connections)

    newest = served.connect(LAST + b"\r\n")

    answer = received(newest)
    rejection = problem(answer)
    assert (rejection["status"], rejection["code"]) == (503, "too_many_connections")
    assert b"\r\nretry-after: " in answer
    served.go_on()
    for client in clients:
        assert received(client).endswith(b"here")


@pytest.mark.parametrize("path", [b"/health/live", b"/health/ready"])
def test_health_is_answered_while_all_others_are_being_answered(
    served: Served, path: bytes
) -> None:
    for _ in range(LIMITS.max_connections):
        served.connect(b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    served.until(lambda: served.application.begun == LIMITS.max_connections)

    for _ in range(2 * MAX_RESERVED):
        assert received(served.connect(GET.replace(b"/", path, 1) + b"\r\n")).endswith(b"here")


def test_a_caller_is_not_kept_out_by_requests_whose_credential_is_being_checked(
    served: Served,
) -> None:
    served.application.caller = UNAUTHENTICATED_CALLER
    for _ in range(LIMITS.max_connections):
        served.connect(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    served.until(lambda: served.application.begun == LIMITS.max_connections)

    assert received(served.connect(LAST + b"\r\n")).endswith(b"here")
    assert served.application.given_up.wait(10)


def test_a_client_that_does_not_read_costs_little_and_not_for_long(served: Served) -> None:
    client = served.connect(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", receive_bytes=4096)
    served.until(lambda: any(c.transport.get_write_buffer_size() for c in served.connections))
    (connection,) = served.connections
    began = monotonic()

    assert connection.transport.get_write_buffer_size() <= HIGH_WATER + SLICE_BYTES
    served.until(lambda: not served.connections)
    assert monotonic() - began - LIMITS.send_timeout_seconds < TICK_SECONDS + 1
    with suppress(ConnectionError):
        assert len(received(client)) < len(BODY)


def test_a_client_that_reads_slowly_gets_all(served: Served) -> None:
    """It takes longer in total than a client may stop reading, but never stops for so long."""
    client = served.connect(
        b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", receive_bytes=64 << 10
    )
    began, seconds = monotonic(), LIMITS.send_timeout_seconds + 1.5
    answer = bytearray()
    while chunk := client.recv(256 << 10):
        answer += chunk
        due = began + seconds * len(answer) / len(BODY)
        served.until(lambda: monotonic() >= due)  # noqa: B023  # called at once

    assert answer.endswith(BODY)
    assert monotonic() - began > seconds


def test_the_work_for_a_client_that_left_is_given_up(served: Served) -> None:
    client = served.connect(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    served.until(lambda: served.application.begun == 1)

    client.close()

    assert served.application.given_up.wait(10)
    served.until(lambda: not served.server.server_state.tasks)


def test_nothing_more_is_written_to_a_client_that_left(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """The first failed write reveals it; asyncio logs each further one."""
    client = served.connect(b"GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    client.close()

    served.application.client_left.set()

    served.until(lambda: not served.server.server_state.tasks)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_an_answer_that_is_cut_off_is_seen_as_such_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    answer = received(served.connect(b"GET /part HTTP/1.1\r\nHost: a\r\n\r\n"))

    assert answer.endswith(b"\r\n4\r\nhere\r\n")  # there is no last chunk (RFC 9112, 7.1)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


# The Proactor loop leaves connections reset before they are accepted to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_left_at_once_is_forgotten(served: Served) -> None:
    for _ in range(200):
        client = served.connect()
        with client, suppress(ConnectionError):
            client.sendall(GET + b"\r\n")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))

    assert answered(served.connect(GET + b"\r\n"))
    served.until(lambda: not served.connections and not served.server.server_state.tasks)
    protocol: Any = served.server.config.http
    assert len(protocol.args[1]) == 0
    gc.collect()


class Transport(asyncio.Transport):
    """A transport with a socket."""

    def __init__(self, connection: socket.socket | None) -> None:
        super().__init__({"socket": connection})


@pytest.fixture
def connection() -> Iterator[LimitedH11Protocol]:
    config = create_server(Application(), lambda: None, LIMITS).config
    loop = asyncio.new_event_loop()
    yield LimitedH11Protocol(
        LIMITS,
        IdleConnections(LIMITS, Admission(LIMITS)),
        RejectionDelay(),
        lambda _problem, _address: None,
        config,
        ServerState(),
        {},
        loop,
    )
    loop.close()


def test_small_answers_are_sent_at_once(connection: LimitedH11Protocol) -> None:
    """The Proactor loop's sockets have Nagle's algorithm on, like a plain new socket."""
    with socket.socket() as tcp:
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0

        connection.connection_made(Transport(tcp))

        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs sockets that are not TCP")
def test_other_connections_are_left_as_they_are(connection: LimitedH11Protocol) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        connection.connection_made(Transport(unix))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[LimitedH11Protocol]:
    """The connections that were delayed, once for each time."""
    held: list[LimitedH11Protocol] = []
    enter = LimitedH11Protocol._enter  # noqa: SLF001  # there is no other sign

    def entered(connection: LimitedH11Protocol, stage: Stage) -> None:
        if stage is Stage.DELAYED:
            held.append(connection)
        enter(connection, stage)

    monkeypatch.setattr(LimitedH11Protocol, "_enter", entered)
    return held


def test_rejections_without_end_are_held_back_and_nothing_else_is(
    served: Served, held: list[LimitedH11Protocol]
) -> None:
    began = monotonic()
    client = served.connect(REJECTED * (MAX_UNDELAYED_REJECTIONS + 1000))
    served.until(lambda: len(held) == 1)
    other = served.connect(REJECTED * MAX_UNDELAYED_REJECTIONS + LAST + b"\r\n")
    assert received(other).count(b"here") == MAX_UNDELAYED_REJECTIONS + 1

    served.until(lambda: len(held) == 3)

    assert monotonic() - began >= 2 * DELAY_SECONDS
    assert len(set(held)) == 1
    client.close()


def test_a_request_that_is_answered_ends_the_holding_back(
    served: Served, held: list[LimitedH11Protocol]
) -> None:
    client = served.connect(REJECTED * (MAX_UNDELAYED_REJECTIONS + 1))
    answers = b""
    while answers.count(b"here") <= MAX_UNDELAYED_REJECTIONS:
        answers += client.recv(4096)
    client.sendall(GET + b"\r\n" + REJECTED * MAX_UNDELAYED_REJECTIONS + LAST + b"\r\n")

    assert received(client).count(b"here") == MAX_UNDELAYED_REJECTIONS + 2
    assert len(held) == 1


def test_who_is_held_back_makes_room_before_who_was_answered(served: Served) -> None:
    known = served.connect(GET + b"\r\n")
    assert answered(known)
    for _ in range(LIMITS.max_connections - 1):
        served.connect(REJECTED * 1000)
    served.until(
        lambda: (
            [c._stage for c in served.connections].count(Stage.DELAYED)  # noqa: SLF001  # there is no other sign
            == LIMITS.max_connections - 1
        )
    )

    newest = served.connect(LAST + b"\r\n")

    assert received(newest).endswith(b"here")
    known.sendall(LAST + b"\r\n")
    assert received(known).endswith(b"here")


class Peer(Transport):
    """A transport with a client address.

    Attributes:
        is_aborted: whether the server ended it at once.
        sent: what the server wrote.
        protocol: the server's end.
    """

    protocol: LimitedH11Protocol

    def __init__(self, address: str) -> None:
        super().__init__(None)
        self._address = address
        self.is_aborted = False
        self.sent = b""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._address, 50000) if name == "peername" else default

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def can_write_eof(self) -> bool:
        return False


class Peers:
    """Clients of several addresses, and a server that allows three connections each, ten in all.

    Attributes:
        all: in the order in which they came.
        rejected: the addresses of rejected clients.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.all: list[Peer] = []
        self.rejected: list[str] = []
        self._loop = loop
        self._state = ServerState()
        self._limits = replace(
            LIMITS,
            max_connections=10,
            max_connections_per_address=3,
            trusted_proxies=(ip_network("2001:db8:0:3::1"),),
        )
        self._waiting = IdleConnections(self._limits, Admission(self._limits))
        self._config = create_server(Application(), lambda: None, self._limits).config

    def connect(self, address: str, stage: Stage = Stage.IDLE) -> Peer:
        peer = Peer(address)
        self.all.append(peer)
        connection = LimitedH11Protocol(
            self._limits,
            self._waiting,
            RejectionDelay(),
            lambda _problem, address: self.rejected.append(address),
            self._config,
            self._state,
            {},
            self._loop,
        )
        peer.protocol = connection
        connection.connection_made(peer)
        connection.cycle = cast(Any, SimpleNamespace(response_started=True))
        connection._enter(stage)  # noqa: SLF001  # as if it had asked
        return peer


@pytest.fixture
def peers() -> Iterator[Peers]:
    loop = asyncio.new_event_loop()
    yield Peers(loop)
    loop.close()


def test_an_address_has_its_share_of_connections(peers: Peers) -> None:
    peers.connect("2001:db8:0:2::1")
    peers.connect("2001:db8:0:1::1", Stage.ANSWERING)
    peers.connect("2001:db8:0:1::2")
    peers.connect("2001:db8:0:1::3")
    assert [peer.is_aborted for peer in peers.all] == [False] * 4

    peers.connect("2001:db8:0:1::4")

    assert [peer.is_aborted for peer in peers.all] == [False, False, True, False, False]
    assert peers.all[-1].sent == b""


def test_an_address_whose_share_is_being_answered_gets_health_only(peers: Peers) -> None:
    answered = [peers.connect("192.0.2.1", Stage.ANSWERING) for _ in range(3)]

    probing = [peers.connect("192.0.2.1") for _ in range(MAX_RESERVED + 1)]

    assert [one.is_aborted for one in probing] == [True] + [False] * MAX_RESERVED
    assert not any(one.is_aborted for one in answered)
    assert not peers.connect("192.0.2.2").is_aborted


def test_an_address_over_its_share_evicts_none_of_another(peers: Peers) -> None:
    for number in range(7):
        peers.connect(f"198.51.100.{number}")
    for _ in range(4):
        peers.connect("192.0.2.1")

    assert [peer.is_aborted for peer in peers.all] == [False] * 7 + [True] + [False] * 3


def test_a_trusted_proxy_has_no_share_and_its_neighbours_have(peers: Peers) -> None:
    proxies = [peers.connect("2001:db8:0:3::1") for _ in range(5)]
    neighbours = [peers.connect("2001:db8:0:3::2") for _ in range(4)]

    assert not any(proxy.is_aborted or proxy.sent for proxy in proxies)
    assert [neighbour.is_aborted for neighbour in neighbours] == [True, False, False, False]


def test_an_early_rejection_counts_against_the_client_of_a_trusted_proxy(peers: Peers) -> None:
    chunked = GET + b"X-Forwarded-For: 192.0.2.1, 192.0.2.17\r\nTransfer-Encoding: chunked\r\n\r\n"
    for address, data in (
        ("2001:db8:0:3::1", chunked),
        ("2001:db8:0:3::1", b"malformed\r\n\r\n"),
        ("198.51.100.1", chunked),
    ):
        peers.connect(address).protocol.data_received(data)

    assert peers.rejected == ["192.0.2.17", "2001:db8:0:3::1", "198.51.100.1"]


def test_this_host_has_no_share(peers: Peers) -> None:
    here = [peers.connect(address) for address in ("127.0.0.1", "::1") for _ in range(5)]

    assert not any(one.is_aborted or one.sent for one in here)

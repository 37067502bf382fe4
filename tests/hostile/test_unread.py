"""Clients that do not read what they asked for, judged by what the kernel holds for them.

A response that the server has written is in the kernel's send queue, where it costs no resident
memory of the process: other tests do not see it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import ceil
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import monotonic, perf_counter, sleep
from typing import Self

import httpx2
import pytest

from tests.auth.made import make_key
from tests.hostile.conftest import FLOODS
from tests.hostile.crowd import GET, LARGE_PAGE
from tests.hostile.kernel import held_for
from tests.hostile.process import Target, running_target


SEND_TIMEOUT_SECONDS = 3
"""Instead of 30."""
SETTLE_SECONDS = 30
"""How long a busy machine may take; the server needs `SEND_TIMEOUT_SECONDS` and two more."""
ROUNDS, CLIENTS = 3, 250
KERNEL_BYTES = 256 << 10
"""What the kernel may hold for a client that does not read: 128 kB that it has not sent, and what
the client's own system has not taken yet."""
CONNECT_SECONDS = 0.01
"""The time between two clients: a hundred large responses a second are no flood."""
QUEUED_SECONDS = 1
"""How long an attack waits for the server's responses to fill the queues."""
FITTING_PAGE = GET % b"/sa-contexts?limit=24&maxAge=3600" + b"Connection: close\r\n\r\n"
"""A response of some 100 kB, which leaves the process at once."""
EVENTS = GET % b"/sa-contexts/events" + b"\r\n"
STREAMS = 50
UNIDENTIFIED = 256
PATHS = ("/health/live", "/sa-contexts?limit=20", "/health/ready")
P99_SECONDS = 0.25
"""How much longer a good client waits than one of a server that is not attacked, on the same busy
processors."""
STOP_SECONDS = 2


@contextmanager
def attacked(**settings: object) -> Iterator[Target]:
    """Run a target with 2000 contexts that it has read."""
    usual = {
        "simulated_contexts": 2000,
        "simulated_churn": 0,
        "send_timeout_seconds": SEND_TIMEOUT_SECONDS,
    }
    with running_target(**usual | settings) as target:
        until(lambda: httpx2.get(f"{target.url}/health/ready").is_success, 30)
        yield target


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline
        sleep(0.1)  # another process can only be polled


class Unreading:
    """Clients that send a request each, and read nothing."""

    def __init__(self, stack: ExitStack, port: int) -> None:
        self._stack = stack
        self._port = port

    def send(self, request: bytes, count: int, *, receive_bytes: int | None = None) -> None:
        for _ in range(count):
            client = self._stack.enter_context(socket.socket())
            if receive_bytes is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            client.connect(("127.0.0.1", self._port))
            client.sendall(request)
            sleep(CONNECT_SECONDS)


@contextmanager
def unreading(target: Target) -> Iterator[Unreading]:
    with ExitStack() as stack:
        yield Unreading(stack, target.port)


class Newcomer:
    """A client that connects for each of its requests, which must all succeed.

    Attributes:
        seconds: the duration of each request.
    """

    def __init__(self, target: Target) -> None:
        self.seconds: list[float] = []
        self._target = target
        self._failures: list[str] = []
        self._is_over = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        assert self._failures == []

    @property
    def p99(self) -> float:
        """The seconds that all but the slowest hundredth of the requests took at most."""
        return sorted(self.seconds)[ceil(len(self.seconds) * 0.99) - 1]

    def _run(self) -> None:
        with httpx2.Client(base_url=self._target.url, timeout=20) as client:
            while not self.seconds or not self._is_over.wait(0.02):
                path = PATHS[len(self.seconds) % len(PATHS)]
                headers = self._target.headers | {"Connection": "close"}
                began = perf_counter()
                try:
                    response = client.get(path, headers=headers)
                    if response.status_code != 200:
                        self._failures.append(f"{path}: {response.status_code}")
                except httpx2.TransportError as error:
                    self._failures.append(f"{path}: {error!r}")
                self.seconds.append(perf_counter() - began)


@pytest.fixture(scope="module")
def quiet() -> Iterator[Target]:
    with attacked() as target:
        yield target


@contextmanager
def beside(target: Target, quiet: Target) -> Iterator[None]:
    """Have a good client beside an attack; it must get everything, and almost as soon as ever."""
    with Newcomer(target) as here, Newcomer(quiet) as elsewhere:
        yield
    FLOODS.append(
        f"{'unread, a new client':26} {len(here.seconds):6} {median(here.seconds) * 1e3:5.0f} ms "
        f"p99 {here.p99 * 1e3:5.0f} ms; quiet server: {elsewhere.p99 * 1e3:5.0f} ms"
    )
    assert here.p99 < elsewhere.p99 + P99_SECONDS


def test_unread_responses_are_bounded_in_the_kernel_and_freed(quiet: Target) -> None:
    """The attack: 250 clients pipeline three large pages each, for three rounds.

    They held 985 MB after one round, and 1.2 GB after three that the server had cut off.
    """
    peak = 0
    with attacked() as target, beside(target, quiet), unreading(target) as clients:
        for _ in range(ROUNDS):
            clients.send(LARGE_PAGE * 3, CLIENTS)
            full = monotonic() + SEND_TIMEOUT_SECONDS
            while monotonic() < full:
                peak = max(peak, held_for(target.port).unacknowledged)
                sleep(0.1)
        until(
            lambda: held_for(target.port).unacknowledged < KERNEL_BYTES, SEND_TIMEOUT_SECONDS + 10
        )

        assert CLIENTS * KERNEL_BYTES / 4 < peak < CLIENTS * KERNEL_BYTES


def test_closed_connections_count_until_their_clients_have_read(quiet: Target) -> None:
    """The attack: responses that fit in the kernel's queue, after which the server closes.

    Each was in FIN-WAIT-1 for minutes, and the server counted none of them.
    """
    most = 0
    with attacked() as target, beside(target, quiet), unreading(target) as clients:
        for _ in range(ROUNDS):
            clients.send(FITTING_PAGE, CLIENTS, receive_bytes=4096)
            sleep(QUEUED_SECONDS)
            held = held_for(target.port)
            most = max(most, held.connections)
        assert CLIENTS / 2 < most <= 256 + 8
        assert held.unacknowledged > CLIENTS / 2 * 50_000
        until(
            lambda: held_for(target.port).unacknowledged < KERNEL_BYTES, SEND_TIMEOUT_SECONDS + 10
        )


def test_streams_that_are_not_read_lag_and_are_cut_off() -> None:
    """The attack: 50 streams that are not read. After 90 s they were open, and their lag was 0."""
    with (
        attacked(simulated_churn=500, refresh_min_interval_seconds=0) as target,
        unreading(target) as clients,
    ):
        clients.send(EVENTS, STREAMS, receive_bytes=4096)
        until(lambda: metric(target, "sa_contexts_streams") == STREAMS, 10)
        until(lambda: metric(target, "sa_contexts_stream_lag_revisions") > 1, 5)
        until(lambda: metric(target, "sa_contexts_streams") == 0, SETTLE_SECONDS)
        until(lambda: held_for(target.port).unacknowledged < KERNEL_BYTES, SETTLE_SECONDS)


def metric(target: Target, name: str) -> float:
    text = httpx2.get(f"{target.url}/metrics", headers=target.headers).text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


def test_unidentified_clients_that_do_not_read_keep_nobody_out(quiet: Target) -> None:
    """The attack: 256 unread responses without a credential. All else got 503 for 25 seconds."""
    with attacked(send_timeout_seconds=30) as target, unreading(target) as clients:
        clients.send(LARGE_PAGE, UNIDENTIFIED)
        with beside(target, quiet):
            sleep(3)
            clients.send(LARGE_PAGE, UNIDENTIFIED - 20)  # evicts the first ones
            sleep(3)


def test_unidentified_clients_that_do_not_read_keep_out_no_caller_with_a_key(
    tmp_path: Path, quiet: Target
) -> None:
    """The attack: 256 responses that need no credential, unread."""
    key = make_key(tmp_path / "keys.json", "sa:read")
    with (
        attacked(api_keys_file=tmp_path / "keys.json", send_timeout_seconds=30) as target,
        unreading(target) as clients,
    ):
        target.headers = {"Authorization": f"Bearer {key}"}
        page = GET % b"/openapi.json" + b"\r\n"
        clients.send(page, UNIDENTIFIED, receive_bytes=4096)
        with beside(target, quiet):
            sleep(4)


def test_clients_that_do_not_read_delay_no_stop() -> None:
    """The attack: 50 unread responses. The stop took ten seconds."""
    with attacked(send_timeout_seconds=30) as target, unreading(target) as clients:
        clients.send(LARGE_PAGE, STREAMS)
        until(lambda: held_for(target.port).unacknowledged > STREAMS * 50_000, 5)
        began = monotonic()
        target.stop()
        assert monotonic() - began < STOP_SECONDS
        assert held_for(target.port).unacknowledged == 0

"""Clients that do not read what they asked for, judged by what the kernel holds for them.

A response that the server has written is in the kernel's send queue, where it costs no resident
memory of the process: other tests do not see it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import httpx2
import pytest

from tests.auth.made import make_key
from tests.hostile.conftest import FLOODS, P99_SECONDS, waits_less
from tests.hostile.crowd import GET, LARGE_PAGE
from tests.hostile.distance import Reach, near_and_far
from tests.hostile.kernel import Held, held_for
from tests.hostile.process import Target, running_target


SEND_TIMEOUT_SECONDS = 3
"""Instead of 30."""
SETTLE_SECONDS = 30
"""How long a busy machine may take; the server needs `SEND_TIMEOUT_SECONDS` and two more."""
ROUNDS, CLIENTS = 2, 250
DISTANT_ROUNDS = 1
CONNECTING = 32
"""How many clients connect at a time: from a distance, each waits for a round trip."""
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
STOP_SECONDS = 2


@contextmanager
def attacked(reach: Reach, **settings: object) -> Iterator[Target]:
    """Run a target with 2000 contexts that it has read."""
    usual = {
        "allow_insecure": True,
        "simulated_contexts": 2000,
        "simulated_churn": 0,
        "send_timeout_seconds": SEND_TIMEOUT_SECONDS,
    }
    with running_target(reach, **usual | settings) as target:
        until(lambda: httpx2.get(f"{target.url}/health/ready").is_success, 30)
        yield target


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline
        sleep(0.1)  # another process can only be polled


class Unreading:
    """Clients that send a request each, from one address after another, and read nothing."""

    def __init__(self, stack: ExitStack, target: Target) -> None:
        self._stack = stack
        self._target = target
        self._sources = cycle(target.reach.sources or [target.reach.client])

    def send(self, request: bytes, count: int, *, receive_bytes: int | None = None) -> None:
        with ThreadPoolExecutor(CONNECTING) as pool:
            sent = []
            for _ in range(count):
                client = self._stack.enter_context(socket.socket())
                if receive_bytes is not None:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
                client.bind((next(self._sources), 0))
                sent.append(pool.submit(self._send, client, request))
                sleep(CONNECT_SECONDS)
        for each in sent:
            each.result()

    def _send(self, client: socket.socket, request: bytes) -> None:
        client.connect((self._target.reach.address, self._target.port))
        client.sendall(request)


@contextmanager
def unreading(target: Target) -> Iterator[Unreading]:
    with ExitStack() as stack:
        yield Unreading(stack, target)


def held_by(target: Target) -> Held:
    """Return what the kernel holds for a target."""
    return held_for(target.port, target.reach.process)


@pytest.fixture(scope="module")
def quiet(reach: Reach) -> Iterator[Target]:
    with attacked(reach) as target:
        yield target


@contextmanager
def beside(target: Target, quiet: Target) -> Iterator[None]:
    """Have a good client beside an attack; it must get everything, and almost as soon as ever."""
    new = {"Connection": "close"}
    with target.bystander(new) as here, quiet.bystander(new) as elsewhere:
        yield
    FLOODS.append(
        f"{f'unread, a new client, {target.reach.name}':30} {len(here.seconds):6} "
        f"{median(here.seconds) * 1e3:5.0f} ms p99 {here.p99() * 1e3:5.0f} ms; "
        f"quiet server: {elsewhere.p99() * 1e3:5.0f} ms"
    )
    assert here.tried_again == 0
    waits_less("p99", here.p99(), elsewhere.p99() + P99_SECONDS)


@near_and_far
def test_unread_responses_are_bounded_in_the_kernel_and_freed(quiet: Target) -> None:
    """The attack: 250 clients pipeline three large pages each, for two rounds.

    They held 985 MB after one round, and 1.2 GB after three that the server had cut off.
    """
    peak = 0
    with attacked(quiet.reach) as target, beside(target, quiet), unreading(target) as clients:
        for _ in range(DISTANT_ROUNDS if target.reach.is_distant else ROUNDS):
            clients.send(LARGE_PAGE * 3, CLIENTS)
            full = monotonic() + SEND_TIMEOUT_SECONDS
            while monotonic() < full:
                peak = max(peak, held_by(target).unacknowledged)
                sleep(0.1)
        until(lambda: held_by(target).unacknowledged < KERNEL_BYTES, SEND_TIMEOUT_SECONDS + 10)

        assert CLIENTS * KERNEL_BYTES / 4 < peak < CLIENTS * KERNEL_BYTES


@near_and_far
def test_closed_connections_count_until_their_clients_have_read(quiet: Target) -> None:
    """The attack: responses that fit in the kernel's queue, after which the server closes.

    Each was in FIN-WAIT-1 for minutes, and the server counted none of them.
    """
    most = 0
    with attacked(quiet.reach) as target, beside(target, quiet), unreading(target) as clients:
        for _ in range(DISTANT_ROUNDS if target.reach.is_distant else ROUNDS):
            clients.send(FITTING_PAGE, CLIENTS, receive_bytes=4096)
            sleep(QUEUED_SECONDS)
            held = held_by(target)
            most = max(most, held.connections)
        assert CLIENTS / 2 < most <= 256 + 8
        assert held.unacknowledged > CLIENTS / 2 * 50_000
        until(lambda: held_by(target).unacknowledged < KERNEL_BYTES, SEND_TIMEOUT_SECONDS + 10)


@near_and_far
def test_streams_that_are_not_read_lag_and_are_cut_off(reach: Reach) -> None:
    """The attack: 50 streams that are not read. After 90 s they were open, and their lag was 0."""
    with (
        attacked(reach, simulated_churn=500, refresh_min_interval_seconds=0) as target,
        unreading(target) as clients,
    ):
        clients.send(EVENTS, STREAMS, receive_bytes=4096)
        until(lambda: metric(target, "sa_contexts_streams") == STREAMS, 10)
        until(lambda: metric(target, "sa_contexts_stream_lag_revisions") > 1, 5)
        until(lambda: metric(target, "sa_contexts_streams") == 0, SETTLE_SECONDS)
        until(lambda: held_by(target).unacknowledged < KERNEL_BYTES, SETTLE_SECONDS)


def metric(target: Target, name: str) -> float:
    text = httpx2.get(f"{target.url}/metrics", headers=target.headers).text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


@near_and_far
def test_unidentified_clients_that_do_not_read_keep_nobody_out(quiet: Target) -> None:
    """The attack: 256 unread responses without a credential. All else got 503 for 25 seconds."""
    with attacked(quiet.reach, send_timeout_seconds=30) as target, unreading(target) as clients:
        clients.send(LARGE_PAGE, UNIDENTIFIED)
        with beside(target, quiet):
            sleep(3)
            clients.send(LARGE_PAGE, UNIDENTIFIED - 20)  # evicts the first ones
            sleep(3)


@near_and_far
def test_unidentified_clients_that_do_not_read_keep_out_no_caller_with_a_key(
    tmp_path: Path, quiet: Target
) -> None:
    """The attack: 256 responses that need no credential, unread."""
    key = make_key(tmp_path / "keys.json", "sa:read")
    with (
        attacked(
            quiet.reach, api_keys_file=tmp_path / "keys.json", send_timeout_seconds=30
        ) as target,
        unreading(target) as clients,
    ):
        target.headers = {"Authorization": f"Bearer {key}"}
        page = GET % b"/openapi.json" + b"\r\n"
        clients.send(page, UNIDENTIFIED, receive_bytes=4096)
        with beside(target, quiet):
            sleep(4)


@near_and_far
def test_clients_that_do_not_read_delay_no_stop(reach: Reach) -> None:
    """The attack: 50 unread responses. The stop took ten seconds."""
    with attacked(reach, send_timeout_seconds=30) as target, unreading(target) as clients:
        clients.send(LARGE_PAGE, STREAMS)
        until(lambda: held_by(target).unacknowledged > STREAMS * 50_000, 5)
        began = monotonic()
        target.stop()
        assert monotonic() - began < STOP_SECONDS
        assert held_by(target).unacknowledged == 0

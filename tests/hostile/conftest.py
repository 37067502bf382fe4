"""One target for all attacks, and a table of their costs at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from statistics import median
from time import monotonic, sleep

import pytest

from tests.auth.made import make_key
from tests.hostile.bystander import Bystander
from tests.hostile.distance import DISTANT, LOOPBACK, Reach, distance
from tests.hostile.flood import compiled
from tests.hostile.process import Target, running_target


CONTEXTS = 2000
# The bounds that docs/robustness.md states.
DURING_BYTES = 288 << 20
"""How far the server's memory may grow under attack: a megabyte for each of 256 connections,
and the cost of a refresh."""
AFTER_BYTES = 24 << 20
"""How far it may have grown after all attacks so far."""
SESSION_BYTES = 45 << 20
"""What OpenSSL's cache of 20,480 TLS sessions occupies (SSL_CTX_sess_set_cache_size(3))."""
DISTANT_DURING_BYTES = DURING_BYTES + SESSION_BYTES
DISTANT_AFTER_BYTES = (32 << 20) + SESSION_BYTES
"""The same with TLS, from a distance."""
P99_SECONDS, NEW_P99_SECONDS = 0.25, 0.35
WORST_SECONDS = 5
"""The latency limits of a well-behaved client, and of its new connections, besides the round trips.
The median of new connections has the p99's limit."""
HANDSHAKE_ROUND_TRIPS = 2
"""What a client waits for before its first request: TCP's handshake, and that of TLS 1.3."""
SETTLE_SECONDS = 10

Attacked = Callable[[], AbstractContextManager[Bystander]]


class LatencyExceeded(AssertionError):
    """A well-behaved client waited for too long. On a virtual machine, another may be the cause."""


def waits_less(what: str, seconds: float, limit: float) -> None:
    """Raise `LatencyExceeded` if a client waited for so long."""
    if seconds >= limit:
        raise LatencyExceeded(f"{what}: {seconds * 1e3:.0f} ms, limit {limit * 1e3:.0f} ms")


_rows: list[str] = []
FLOODS: list[str] = []
"""The cost of each flood, as rows."""
SHARES: list[str] = []
"""The cost of each greedy caller, as rows."""


@pytest.fixture(autouse=True, scope="session")
def _quiet_clients(_one_log: None) -> None:
    """Keep the clients from logging each request in ten steps, which takes longer than a request.

    Their threads share one interpreter, so one client's log would delay the others.
    """
    for name in ("httpcore2", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


@pytest.fixture(scope="package")
def reach(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reach]:
    """Return the way to the target: over loopback, unless a test's mark says from a distance."""
    if getattr(request, "param", LOOPBACK.name) == DISTANT:
        with distance(compiled(tmp_path_factory.mktemp("distance"), "distance")) as network:
            yield network.reach
    else:
        yield LOOPBACK


@pytest.fixture(scope="package")
def target(reach: Reach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Run the server as usual, with a larger list and a shorter timeout for slow readers.

    A distant one requires keys: attackers that need one have a valid key of their own.
    """
    settings: dict[str, object] = {
        "simulated_contexts": CONTEXTS,
        "simulated_churn": 0,
        "send_timeout_seconds": 4,
    }
    key = hostile_key = ""
    if reach.is_distant:
        keys = tmp_path_factory.mktemp("keys") / "keys.json"
        key, hostile_key = make_key(keys, "sa:read"), make_key(keys, "sa:read", name="hostile")
        settings["api_keys_file"] = keys
    with running_target(reach, **settings) as target:
        if key:
            target.headers = {"Authorization": f"Bearer {key}"}
        target.hostile_key = hostile_key
        with target.client() as client:
            for _ in range(3):
                client.get("/sa-contexts?limit=1000")
            client.get("/sa-contexts/summary?maxAge=0")  # ready once a whole refresh has ended
        target.trim()
        target.resident_before = target.resident_bytes()
        yield target


@pytest.fixture
def attacked(target: Target, request: pytest.FixtureRequest) -> Attacked:
    """Attack the target within the block; it must answer others, limit its memory, and recover."""

    @contextmanager
    def attack() -> Iterator[Bystander]:
        reach = target.reach
        target.forget_peak()
        with ExitStack() as stack:
            kinds = [{}, {"Connection": "close"}] if reach.is_distant else [{}]
            beside = [stack.enter_context(target.bystander(headers)) for headers in kinds]
            yield beside[0]
        during = target.peak_bytes() - target.resident_before
        during_bytes = DISTANT_DURING_BYTES if reach.is_distant else DURING_BYTES
        after_bytes = DISTANT_AFTER_BYTES if reach.is_distant else AFTER_BYTES
        _settle(target, after_bytes)
        after = target.resident_bytes() - target.resident_before
        latencies = (
            f"{median(each.seconds) * 1e3:.0f}, {each.p99() * 1e3:.0f} ms" for each in beside
        )
        memory = f"{during >> 20}, {after >> 20} MB"
        _rows.append(f"| `{request.node.name}` | {memory} | {' | '.join(latencies)} |")
        assert during < during_bytes
        assert after < after_bytes
        trip = reach.round_trip_seconds
        kept, *new = beside
        new_trips = 1 + HANDSHAKE_ROUND_TRIPS
        kept_trips = 1 + (new_trips if kept.tried_again else 0)  # its connection was evicted
        waits_less("p99", kept.p99(), P99_SECONDS + trip * kept_trips)
        assert max(kept.seconds) < WORST_SECONDS + trip
        for each in new:
            new_seconds = trip * new_trips * (2 if each.tried_again else 1)
            waits_less("median of new connections", median(each.seconds), P99_SECONDS + new_seconds)
            waits_less("p99 of new connections", each.p99(), NEW_P99_SECONDS + new_seconds)
            assert max(each.seconds) < WORST_SECONDS + trip * new_trips
        assert target.engine()["ready"] is True

    return attack


def _settle(target: Target, after_bytes: int) -> None:
    """Let the server notice disconnects, and return unused memory."""
    deadline = monotonic() + SETTLE_SECONDS
    target.trim()
    while target.resident_bytes() - target.resident_before > after_bytes and monotonic() < deadline:
        sleep(0.5)  # another process can only be polled
        target.trim()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of docs/robustness.md."""
    if _rows:
        terminalreporter.section("under attack: the table of docs/robustness.md")
        for row in _rows:
            terminalreporter.write_line(row)
    if FLOODS:
        terminalreporter.section("flooded: without and with, and a client beside it")
        terminalreporter.write_line(
            f"{'':26} {'served':>6} {'busy':>11}  {'memory: peak, last third':>14}  median  p99"
        )
        for row in FLOODS:
            terminalreporter.write_line(row)
    if SHARES:
        terminalreporter.section("greedy callers: what they get, and another caller beside them")
        terminalreporter.write_line(
            f"{'':36} {'served':>6} {'processor':>13} {'median':>10} {'p99':>9}"
        )
        for row in SHARES:
            terminalreporter.write_line(row)

"""One target for all attacks, and a table of their costs at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from statistics import median
from time import monotonic, sleep

import pytest

from tests.auth.made import make_key
from tests.hostile.bystander import Bystander
from tests.hostile.distance import LOOPBACK, Reach, distance
from tests.hostile.flood import compiled
from tests.hostile.process import Target, running_target


CONTEXTS = 2000
# The bounds that docs/robustness.md states.
DURING_BYTES = 288 << 20
"""How far the server's memory may grow under attack: a megabyte for each of 256 connections,
and the cost of a refresh."""
AFTER_BYTES = 24 << 20
DISTANT_AFTER_BYTES = 32 << 20
"""How far it may have grown after all attacks so far; with TLS, from a distance, further."""
MEDIAN_SECONDS = 0.3
WORST_SECONDS = 5
"""The latency limits of a well-behaved client, besides the round trips; attackers share its two
processors."""
HANDSHAKE_ROUND_TRIPS = 2
"""What a client waits for before its first request: TCP's handshake, and that of TLS 1.3."""
SETTLE_SECONDS = 10

Attacked = Callable[[], AbstractContextManager[Bystander]]

_rows: list[str] = []
FLOODS: list[str] = []
"""The cost of each flood, as rows."""
SHARES: list[str] = []
"""The cost of each greedy caller, as rows."""


@pytest.fixture(scope="package")
def reach(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reach]:
    """Return the way to the target: over loopback, except in tests that are marked `far`."""
    if hasattr(request, "param"):
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
        after_bytes = DISTANT_AFTER_BYTES if reach.is_distant else AFTER_BYTES
        _settle(target, after_bytes)
        after = target.resident_bytes() - target.resident_before
        latencies = (
            f"{median(each.seconds) * 1e3:.0f}, {each.p99() * 1e3:.0f} ms" for each in beside
        )
        memory = f"{during >> 20}, {after >> 20} MB"
        _rows.append(f"| `{request.node.name}` | {memory} | {' | '.join(latencies)} |")
        assert during < DURING_BYTES
        assert after < after_bytes
        for each, round_trips in zip(beside, (1, 1 + HANDSHAKE_ROUND_TRIPS), strict=False):
            assert median(each.seconds) < MEDIAN_SECONDS + reach.round_trip_seconds * round_trips
            assert max(each.seconds) < WORST_SECONDS + reach.round_trip_seconds * round_trips
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
            f"{'':26} {'served':>6} {'processor':>13} {'median':>10} {'p99':>9}"
        )
        for row in SHARES:
            terminalreporter.write_line(row)

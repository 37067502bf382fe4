"""One target for all attacks, and a table of their costs at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import median
from time import monotonic, sleep

import httpx2
import pytest

from tests.hostile.bystander import Bystander
from tests.hostile.process import Target, running_target


CONTEXTS = 2000
# The bounds that docs/robustness.md states.
DURING_BYTES = 288 << 20
"""How far the server's memory may grow under attack: a megabyte for each of 256 connections,
and the cost of a refresh."""
AFTER_BYTES = 24 << 20
"""How far it may have grown after all attacks so far."""
MEDIAN_SECONDS = 0.3
WORST_SECONDS = 5
"""The latency limit of a well-behaved client; attackers share its two processors."""
SETTLE_SECONDS = 10

Attacked = Callable[[], AbstractContextManager[Bystander]]

_rows: list[str] = []
FLOODS: list[str] = []
"""The cost of each flood, as rows."""
SHARES: list[str] = []
"""The cost of each greedy caller, as rows."""


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    """Run the server as usual, with a larger list and a shorter timeout for slow readers."""
    with running_target(
        simulated_contexts=CONTEXTS, simulated_churn=0, send_timeout_seconds=4
    ) as target:
        with httpx2.Client(base_url=target.url, timeout=60) as client:
            for _ in range(3):
                client.get("/sa-contexts?limit=1000")
        target.trim()
        target.resident_before = target.resident_bytes()
        yield target


@pytest.fixture
def attacked(target: Target, request: pytest.FixtureRequest) -> Attacked:
    """Attack the target within the block; it must answer others, limit its memory, and recover."""

    @contextmanager
    def attack() -> Iterator[Bystander]:
        target.forget_peak()
        with Bystander(target.url) as bystander:
            yield bystander
        during = target.peak_bytes() - target.resident_before
        _settle(target)
        after = target.resident_bytes() - target.resident_before
        seconds = bystander.seconds
        name = request.node.name.partition("[")[2].rstrip("]") or request.node.originalname[5:]
        _rows.append(
            f"{name:40} {during >> 20:4} MB {after >> 20:4} MB "
            f"{len(seconds):6} {median(seconds) * 1e3:6.0f} ms {max(seconds) * 1e3:6.0f} ms"
        )
        assert during < DURING_BYTES
        assert after < AFTER_BYTES
        assert median(seconds) < MEDIAN_SECONDS
        assert max(seconds) < WORST_SECONDS
        assert target.engine()["ready"] is True

    return attack


def _settle(target: Target) -> None:
    """Let the server notice disconnects, and return unused memory."""
    deadline = monotonic() + SETTLE_SECONDS
    target.trim()
    while target.resident_bytes() - target.resident_before > AFTER_BYTES and monotonic() < deadline:
        sleep(0.5)  # another process can only be polled
        target.trim()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of docs/robustness.md."""
    if _rows:
        terminalreporter.section("under attack: memory above the first, and a client beside it")
        terminalreporter.write_line(
            f"{'':40} {'peak':>7} {'after':>7} {'asked':>6} {'median':>9} {'worst':>9}"
        )
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

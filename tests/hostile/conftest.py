"""One target for all who attack it, and what each attack cost, told at the end."""

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
DURING_BYTES = 288 << 20
"""How much more memory the server may have under attack: a megabyte for each of 256 connections,
and what it takes to read the engine anew meanwhile."""
AFTER_BYTES = 24 << 20
"""How much more it may have in use after all attacks so far."""
MEDIAN_SECONDS = 1
WORST_SECONDS = 15
"""How long a client that does nothing wrong may wait; attackers have the same two processors."""
SETTLE_SECONDS = 10

Attacked = Callable[[], AbstractContextManager[Bystander]]

_rows: list[str] = []
FLOODS: list[str] = []
"""What each flood cost, as rows."""


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    """As people run it, but for a larger list and less patience with who does not read."""
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
    """Within it the target is attacked; it must answer others, keep its memory, and recover."""

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
    """Let it notice who has left, and give back what it does not use."""
    deadline = monotonic() + SETTLE_SECONDS
    target.trim()
    while target.resident_bytes() - target.resident_before > AFTER_BYTES and monotonic() < deadline:
        sleep(0.5)  # another process can only be watched
        target.trim()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures of docs/robustness.md."""
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
            f"{'':26} {'told':>6} {'busy':>11}  {'memory: peak, last third':>14}  median  p99"
        )
        for row in FLOODS:
            terminalreporter.write_line(row)

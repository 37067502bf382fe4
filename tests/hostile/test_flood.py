"""Five thousand rejected requests a second, and a regular client beside them.

The server has one processor, the flood and the regular client the other: a real flood
comes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import pytest

from tests.auth.made import make_key
from tests.hostile.conftest import (
    FLOODS,
    NEW_P99_SECONDS,
    P99_SECONDS,
    WORST_SECONDS,
    waits_less,
)
from tests.hostile.distance import Reach, far
from tests.hostile.flood import Flood, Regular, away_from_server, compiled, on_processor
from tests.hostile.process import Target, running_target


FLOOD_SECONDS = 6
WINDOW_SECONDS = 2
"""Other programs sometimes keep a processor for longer than any response takes, so
the slowest hundredth is measured per window, and the typical window counts."""
WORSE = 5
"""Maximum ratio of the times of the median request with the flood to those without it; that of the
slowest hundredth, too, if it reaches 250 ms."""
UNDELAYED, DELAY_SECONDS = 2, 0.5
"""Rejections that a connection gets at once, and how long it waits for each further one."""
DELAYED_PER_SECOND = 200
"""Delayed rejections of all connections per second."""
QUOTA = 600
"""Requests for public paths that an address may send in a minute without being delayed."""
SHARE = 128
"""Connections that an address may have open (docs/robustness.md)."""
BUSY = 1.4
"""The processor time that a flood may cost, relative to the regular client's 100 requests a
second in the same run: 20 % of a processor on a machine on which those take 14 %."""
PEAK_BYTES = 24 << 20
"""How far the server's memory may grow during a flood: data sent ahead is read in pieces
of up to 64 kB for each of its connections."""
GROWTH_BYTES = 4 << 20
"""How far it may grow in the last third, beyond the first two."""

GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n"
NO_KEY = GET % (b"/sa-contexts?limit=100", b"")
WRONG_KEY = GET % (
    b"/sa-contexts?limit=100",
    b"Authorization: Bearer sak_0123456789ab_%b\r\n" % (b"A" * 43),
)
HEALTH = GET % (b"/health/live", b"")
PUBLIC = GET % (b"/openapi.json", b"Accept-Encoding: gzip\r\nAuthorization: Bearer x\r\n")


class Guarded(NamedTuple):
    """Yield a target that requires keys, a valid key, and the flooding client."""

    target: Target
    key: str
    program: Path


@pytest.fixture(scope="module")
def guarded(reach: Reach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("flood")
    key = make_key(folder / "keys.json", "sa:read")
    program = compiled(folder)
    with ExitStack() as stack:
        with on_processor(0):
            target = stack.enter_context(
                running_target(
                    reach,
                    allow_insecure=True,  # the flood comes without TLS, from a distance too
                    simulated_contexts=2000,
                    simulated_churn=0,
                    refresh_interval_seconds=3600,  # a refresh takes some megabytes
                    api_keys_file=folder / "keys.json",
                )
            )
        stack.enter_context(away_from_server(reach))
        stack.enter_context(on_processor(1))
        with target.client() as client:
            client.get("/openapi.json")  # built once, in half a second
        yield Guarded(target, key, program)


@pytest.mark.parametrize(
    ("flood", "address", "undelayed"),
    [
        pytest.param(Flood(NO_KEY, 50), "127.0.0.2", 0, id="no key, another address"),
        pytest.param(Flood(WRONG_KEY, 250), "127.0.0.1", 0, id="wrong key, 250 connections"),
        pytest.param(Flood(HEALTH, 50), "127.0.0.1", QUOTA, id="health"),
        pytest.param(Flood(PUBLIC, 50), "127.0.0.1", QUOTA, id="public, wrong key"),
    ],
)
def test_a_flood_costs_others_little(
    guarded: Guarded, request: pytest.FixtureRequest, flood: Flood, address: str, undelayed: int
) -> None:
    target, key, program = guarded
    with Regular(target, key, address) as regular:
        regular.ask(0.5)
        quiet, idle = measured(target, regular, 2)
        before = target.resident_bytes()
        target.forget_peak()
        with flood.over(target, program, FLOOD_SECONDS) as flooding:
            during, busy = measured(target, regular, 2)
            peak = target.peak_bytes()
            during += measured(target, regular, 1)[0]
            growth = target.peak_bytes() - peak
        quiet += measured(target, regular, 1)[0]

    report = flooding.report
    answered = sum(report["answered"].values())
    FLOODS.append(
        f"{request.node.callspec.id:26} {answered:6} "
        f"{idle * 100:4.0f} {busy * 100:4.0f} %  "
        f"{(peak - before) / 2**20:5.1f} {growth / 2**20:5.1f} MB  "
        f"{median(chain(*quiet)) * 1e3:5.1f} {median(chain(*during)) * 1e3:5.1f}  "
        f"{typical(quiet) * 1e3:5.1f} {typical(during) * 1e3:5.1f} ms"
    )
    assert report["offered"] == flood.per_second * FLOOD_SECONDS
    assert report["seconds"] < FLOOD_SECONDS + 0.1
    delayed = min(flood.connections / DELAY_SECONDS, DELAYED_PER_SECOND) * FLOOD_SECONDS
    at_once = undelayed + flood.connections * (UNDELAYED + 1)
    assert flood.connections < answered <= at_once + delayed
    waits_less("p99", typical(during), max(WORSE * typical(quiet), P99_SECONDS))
    waits_less("median", median(chain(*during)), WORSE * median(chain(*quiet)))
    assert busy - idle < BUSY * idle
    assert peak - before < PEAK_BYTES
    assert growth < GROWTH_BYTES


@far
@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(Flood(NO_KEY, 50), id="no key"),
        pytest.param(Flood(HEALTH, 50), id="health"),
        pytest.param(Flood(WRONG_KEY, 250), id="wrong key, 250 connections"),
    ],
)
def test_a_flood_costs_others_little_at_a_distance(
    guarded: Guarded, request: pytest.FixtureRequest, flood: Flood
) -> None:
    """The flood comes from the others' address, whose share of connections then has an effect.

    If the flood exceeds it, its clients are evicted and reconnect, and new ones wait behind them.
    """
    target, key, program = guarded
    before = target.resident_bytes()
    target.forget_peak()
    authorization = {"Authorization": f"Bearer {key}"}
    with (
        target.bystander(authorization) as regular,
        target.bystander({**authorization, "Connection": "close"}) as new,
    ):
        began = target.processor_seconds()
        with flood.over(target, program, FLOOD_SECONDS) as flooding:
            pass
        busy = (target.processor_seconds() - began) / FLOOD_SECONDS
    growth = target.peak_bytes() - before

    FLOODS.append(
        f"{request.node.callspec.id:26} {sum(flooding.report['answered'].values()):6} "
        f"{busy * 100:9.0f} %  {growth / 2**20:5.1f} MB  "
        f"{median(regular.seconds) * 1e3:5.1f}  {regular.p99() * 1e3:5.1f} ms, "
        f"new {median(new.seconds) * 1e3:5.1f}  {new.p99() * 1e3:5.1f} ms"
    )
    assert flooding.report["offered"] == flood.per_second * FLOOD_SECONDS
    assert (regular.tried_again, new.tried_again) == (0, 0)  # none of theirs was evicted
    waits_less("p99", regular.p99(), P99_SECONDS + target.reach.round_trip_seconds)
    if flood.connections <= SHARE:
        trips = 2 * target.reach.round_trip_seconds
        waits_less("p99 of new connections", new.p99(), NEW_P99_SECONDS + trips)
    assert max(regular.seconds + new.seconds) < WORST_SECONDS
    assert growth < PEAK_BYTES


def measured(target: Target, regular: Regular, windows: int) -> tuple[list[list[float]], float]:
    """The latencies by window, and the server's processor time."""
    began = target.processor_seconds()
    took = [regular.ask(WINDOW_SECONDS) for _ in range(windows)]
    return took, (target.processor_seconds() - began) / WINDOW_SECONDS / windows


def typical(windows: list[list[float]]) -> float:
    """Return the 99th percentile of a typical window."""
    return median(slowest(window) for window in windows)


def slowest(seconds: Iterable[float]) -> float:
    """Return the lowest 99th percentile."""
    return quantiles(seconds, n=100)[98]

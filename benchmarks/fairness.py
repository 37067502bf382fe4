"""Fairness: how long a warm page takes while the server reads the engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import NamedTuple

from benchmarks import servers
from benchmarks.client import ANEW, NEWEST, Client
from benchmarks.figures import Bar, Figure, Section, percentiles
from benchmarks.servers import Server
from benchmarks.sizes import SEED, Sizes


MAX_MILLISECONDS = 50.0
"""Maximum duration of 99 % of the requests during a refresh."""

PERIOD_SECONDS = {100: 0.01, 1000: 0.05}
"""Interval between requests, by the number of contexts on the page."""
QUIET_SECONDS = 5.0


class Latency(NamedTuple):
    """How long a request took, in milliseconds: from when it was due, and from when it was sent."""

    since_due: float
    since_sent: float


def measure(sizes: Sizes) -> list[Section]:
    """Measure pages of a leased snapshot, first without a refresh, then during one."""
    contexts = sizes.large
    figures: list[Figure] = []
    refreshes: list[float] = []
    with servers.ours(contexts) as server, Client(server.port) as client:
        client.get(ANEW)
        alone = client.last_refresh_seconds()
        for limit in PERIOD_SECONDS:
            client.reconnect()
            target = client.get(f"{NEWEST}&limit={limit}").next_target
            assert target
            quiet = _ask(client, target, limit, _after(QUIET_SECONDS))
            disturbed: list[Latency] = []
            for number in range(sizes.fairness_refreshes if limit == min(PERIOD_SECONDS) else 1):
                client.rest()
                server.simulate("populate", contexts, SEED + limit + number)
                disturbed += _ask_during_refresh(server, client, target, limit)
                refreshes.append(client.last_refresh_seconds())
            figures += _figures(limit, quiet, disturbed)
    return [
        Section(
            f"Fairness: warm pages while {contexts} contexts are read, over HTTP",
            f"A page of a leased snapshot, requested every {PERIOD_SECONDS[100] * 1e3:.0f} ms "
            f"(limit=1000: every {PERIOD_SECONDS[1000] * 1e3:.0f} ms) on one connection. Its time "
            "counts from when the request was due, so that a delay also counts for the requests "
            "that wait behind it; in the lines with `sent`, from when the request was sent. Every "
            "context differs from the previous snapshot, "
            "whose contexts are all gone: nothing can be reused, everything counts as a change, "
            "and the walked snapshot stays in memory beside the new one. A server's first refresh "
            "does less.",
            (
                *figures,
                Figure("a refresh alone", "s", (alone,)),
                Figure("a refresh beside the requests", "s", tuple(refreshes)),
            ),
        )
    ]


def _figures(limit: int, quiet: list[Latency], disturbed: list[Latency]) -> list[Figure]:
    due = [latency.since_due for latency in disturbed]
    sent = [latency.since_sent for latency in disturbed]
    return [
        *percentiles(f"limit={limit}, no refresh", [latency.since_due for latency in quiet]),
        *percentiles(f"limit={limit}, refresh", due, Bar.AT_MOST, MAX_MILLISECONDS),
        *percentiles(f"limit={limit}, refresh, sent", sent),
    ]


def _ask_during_refresh(server: Server, client: Client, target: str, limit: int) -> list[Latency]:
    """Send requests until a refresh that starts now is over."""

    def refresh() -> None:
        with Client(server.port) as other:
            other.get(ANEW)

    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(refresh)
        latencies = _ask(client, target, limit, refreshing.done)
        refreshing.result()
    return latencies


def _after(seconds: float) -> Callable[[], bool]:
    """Return a function that returns whether `seconds` have passed since this call."""
    ends = perf_counter() + seconds
    return lambda: perf_counter() > ends


def _ask(client: Client, target: str, limit: int, is_over: Callable[[], bool]) -> list[Latency]:
    """Request the target at fixed times until `is_over` returns True; return the latencies."""
    latencies = []
    due = perf_counter()
    while not is_over():
        sleep(max(0.0, due - perf_counter()))
        sent = perf_counter()
        client.get(target)
        answered = perf_counter()
        latencies.append(Latency((answered - due) * 1e3, (answered - sent) * 1e3))
        due += PERIOD_SECONDS[limit]
    return latencies

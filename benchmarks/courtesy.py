"""Courtesy: how long a warm page takes while the server drains the engine."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import perf_counter
from typing import NamedTuple

from benchmarks import servers
from benchmarks.client import PATH, Client
from benchmarks.figures import Figure, Section, percentiles
from benchmarks.sizes import Sizes


LIMIT = 100
FIRST = f"{PATH}?limit={LIMIT}&maxAge=86400"
FRESH = f"{PATH}?limit=1&maxAge=0"
DRAINS_ALONE = 3
MOST_SECONDS = 120
"""After this the benchmark ends with the requests that it has."""


class Span(NamedTuple):
    """From when to when, in seconds on this process's clock."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.ended - self.began


def measure(sizes: Sizes) -> Section:
    """Requests without drains, then those that were on their way during a drain."""
    count, requests = sizes.courtesy_contexts, sizes.courtesy_requests
    with servers.ours(count) as port, Client(port) as client:
        client.get(FIRST)
        alone = [_drain(client) for _ in range(DRAINS_ALONE)]
        target = client.get(FIRST).next_target
        assert target is not None, "the snapshot has one page only"
        _ask(client, target, requests // 10)  # warms up
        quiet = [_ask_once(client, target) for _ in range(requests)]
        with _continuous_drains(port) as drains:
            disturbed = _ask_until_disturbed(client, target, requests, drains)
    drains = [drain for drain in drains if drain.ended <= disturbed[-1].ended]
    met = _during(disturbed, drains)
    assert met, "no request met a drain that ended in time"
    return Section(
        "Courtesy, over HTTP",
        (
            f"a page of {LIMIT} contexts of a held snapshot, one request at a time:",
            f"{requests} without drains; then, while another client has all {count} contexts",
            f"read anew without end, {len(met)} that were on their way during one of",
            f"{len(drains)} drains.",
        ),
        (
            *percentiles("without drains", _milliseconds(quiet)),
            *percentiles("during a drain", _milliseconds(met)),
            Figure("a drain, alone", "s", tuple(span.seconds for span in alone)),
            Figure("a drain, beside the requests", "s", tuple(span.seconds for span in drains)),
        ),
    )


def _ask_once(client: Client, target: str) -> Span:
    began = perf_counter()
    client.get(target)
    return Span(began, perf_counter())


def _ask(client: Client, target: str, requests: int) -> list[Span]:
    return [_ask_once(client, target) for _ in range(requests)]


def _ask_until_disturbed(
    client: Client, target: str, requests: int, drains: list[Span]
) -> list[Span]:
    """Ask until so many requests met a drain that has ended."""
    spans: list[Span] = []
    stop = perf_counter() + MOST_SECONDS
    while len(_during(spans, list(drains))) < requests and perf_counter() < stop:
        spans += _ask(client, target, LIMIT)
    return spans


@contextmanager
def _continuous_drains(port: int) -> Iterator[list[Span]]:
    """Another client that always waits for a drain; the drains that ended."""
    drains: list[Span] = []
    enough = Event()

    def ask() -> None:
        with Client(port) as client:
            while not enough.is_set():
                drains.append(_drain(client))

    thread = Thread(target=ask, name="drains")
    thread.start()
    try:
        yield drains
    finally:
        enough.set()
        thread.join()


def _drain(client: Client) -> Span:
    """Have the engine read anew; when the drain ran, told by its end and its length."""
    client.get(FRESH)
    ended = perf_counter()
    client.get("/engine")
    seconds: float = json.loads(client.body)["lastDrain"]["seconds"]
    return Span(ended - seconds, ended)


def _during(requests: list[Span], drains: list[Span]) -> list[Span]:
    """The requests that were on their way during a drain; both are in order of time."""
    ends = [drain.ended for drain in drains]
    met = []
    for request in requests:
        index = bisect_left(ends, request.began)
        if index < len(drains) and drains[index].began < request.ended:
            met.append(request)
    return met


def _milliseconds(spans: list[Span]) -> list[float]:
    return [span.seconds * 1e3 for span in spans]

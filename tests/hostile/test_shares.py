"""One caller that wants all there is, and another beside it, each with a key."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import NamedTuple

import httpx2
import pytest

from tests.auth.made import make_key
from tests.authorities import client_context
from tests.hostile.conftest import P99_SECONDS, SHARES, waits_less
from tests.hostile.distance import Reach, near_and_far
from tests.hostile.process import DISTANT_LIMIT, Target, running_target


CONTEXTS = 2000
SECONDS = 4
MAX_CALLS_PER_SECOND = 200
"""Engine calls that one caller can cause, however distant; before shares, it caused 1,037."""
WINDOWS = 4
SNAPSHOTS, REQUESTS = 64, 40
DISTANT_SNAPSHOTS, DISTANT_REQUESTS = 16, 5
"""A request from a distance takes a round trip."""
NDJSON = {"Accept": "application/x-ndjson"}
EVENT_STREAM = {"Accept": "text/event-stream"}
LONG_LIST = "," * 15_000


class Served(NamedTuple):
    """A target that requires keys, and the keys of two callers."""

    target: Target
    greedy: str
    other: str


@contextmanager
def served(reach: Reach, folder: Path, **settings: object) -> Iterator[Served]:
    """Run a target that requires keys."""
    keys = folder / "keys.json"
    greedy, other = (
        make_key(keys, "sa:read", "events:read", name=name) for name in ("greedy", "other")
    )
    with running_target(
        reach, api_keys_file=keys, rate_limit_per_caller=1_000_000, **settings
    ) as target:
        target.headers = {"Authorization": f"Bearer {other}"}
        yield Served(target, greedy, other)


@pytest.fixture(scope="module")
def unchanging(reach: Reach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(
        reach,
        tmp_path_factory.mktemp("shares"),
        simulated_contexts=CONTEXTS,
        simulated_churn=0,
        refresh_interval_seconds=3600,
    ) as each:
        yield each


def client_of(target: Target, key: str) -> httpx2.Client:
    client = target.client()
    client.headers["Authorization"] = f"Bearer {key}"
    return client


@near_and_far
def test_a_caller_with_many_snapshots_keeps_nobody_out(reach: Reach, tmp_path: Path) -> None:
    """The attack: one snapshot too many of one caller; then requests of another, of three kinds."""
    snapshots = DISTANT_SNAPSHOTS if reach.is_distant else SNAPSHOTS
    count = DISTANT_REQUESTS if reach.is_distant else REQUESTS
    with (
        served(
            reach,
            tmp_path,
            max_snapshots=snapshots,
            simulated_contexts=100,
            simulated_churn=2000,
            refresh_min_interval_seconds=0,
        ) as (target, greedy_key, other_key),
        client_of(target, greedy_key) as greedy,
        client_of(target, other_key) as other,
    ):
        cursors = [
            greedy.get("/sa-contexts?maxAge=0&limit=1").json()["nextCursor"]
            for _ in range(snapshots + 1)
        ]
        statuses: Counter[tuple[str, int]] = Counter()
        for _ in range(count):
            page = other.get("/sa-contexts?maxAge=0&limit=1")
            statuses["list", page.status_code] += 1
            export = other.get("/sa-contexts?maxAge=0", headers=NDJSON)
            statuses["export", export.status_code] += 1
            stream = "/sa-contexts/events?initial=true"
            with other.stream("GET", stream, headers=EVENT_STREAM) as response:
                statuses["stream", response.status_code] += 1
        second = other.get("/sa-contexts", params={"cursor": page.json()["nextCursor"]})
        oldest = greedy.get("/sa-contexts", params={"cursor": cursors[0]})
        newest = greedy.get("/sa-contexts", params={"cursor": cursors[-1]})
        restarted = greedy.get(oldest.json()["restartUrl"])

    assert statuses == {(kind, 200): count for kind in ("list", "export", "stream")}
    assert (oldest.status_code, oldest.json()["code"]) == (410, "cursor_expired")
    assert [second.status_code, newest.status_code, restarted.status_code] == [200, 200, 200]


async def _repeat(reach: Reach, port: int, requests: Sequence[bytes], seconds: float) -> int:
    """Repeat requests, each over a connection of its own, and count the responses.

    Distant ones have TLS, and come from one address after another. The server may evict some.
    """
    count = 0
    context = client_context() if reach.is_distant else None
    sources = cycle(reach.sources or [reach.client])

    async def repeat(request: bytes) -> None:
        while True:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await repeat_over_one(request)

    async def repeat_over_one(request: bytes) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(
            reach.address, port, limit=1 << 20, ssl=context, local_addr=(next(sources), 0)
        )
        while True:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 422")), head
            length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            if length is not None:
                await reader.readexactly(int(length[1]))
            else:
                while size := int(await reader.readline(), 16):
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
            count += 1

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*map(repeat, requests))
    return count


def _run(reach: Reach, port: int, requests: Sequence[bytes], seconds: float) -> int:
    return asyncio.run(_repeat(reach, port, requests, seconds))


@contextmanager
def repeating(
    target: Target, key: str, paths: Sequence[str], header: str = ""
) -> Iterator[Future[int]]:
    """Have one caller request each of these paths again and again, for `SECONDS`."""
    fields = f"Host: localhost\r\nAuthorization: Bearer {key}\r\n{header}"
    requests = [f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode() for path in paths]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        reach, port = target.reach, target.port
        pool.submit(_run, reach, port, [], 0).result()  # it has imported this module
        yield pool.submit(_run, reach, port, requests, SECONDS)


def wait_beside(client: httpx2.Client, paths: Sequence[str], attack: Future[int]) -> list[float]:
    """Request each path in turn until an attack ends, and return how long each response took."""
    took: list[float] = []
    sleep(0.5)  # until all its connections are open
    while not attack.done():
        path = paths[len(took) % len(paths)]
        began = perf_counter()
        response = client.get(path)
        took.append(perf_counter() - began)
        assert response.status_code == 200, response.text
        sleep(0.02)
    return took


def p99(seconds: Sequence[float]) -> float:
    """Return the 99th percentile of a typical window.

    Other programs sometimes keep a processor for longer than any response takes.
    """
    size = max(2, len(seconds) // WINDOWS)
    windows = [seconds[start : start + size] for start in range(0, len(seconds) - 1, size)]
    return median(quantiles(each, n=100, method="inclusive")[98] for each in windows)


def ids_of(client: httpx2.Client, count: int) -> list[str]:
    page = client.get(f"/sa-contexts?limit={count}&maxAge=3600").json()
    return [item["saContextId"] for item in page["items"]]


def page_of(reach: Reach) -> str:
    """Return the path of a page that takes one round trip."""
    return f"/sa-contexts?limit={DISTANT_LIMIT if reach.is_distant else 20}&maxAge=3600"


GET_BY_ID = "IPsecSaContextGetById1"


def judge(name: str, reach: Reach, answered: int, seconds: float, took: list[float]) -> None:
    """Require that the other caller waits for short times only; add a row to the table."""
    SHARES.append(
        f"{f'{name}, {reach.name}':36} {answered:6} {seconds / max(1, answered) * 1e3:10.1f} ms "
        f"{median(took) * 1e3:7.0f} ms {p99(took) * 1e3:6.0f} ms"
    )
    waits_less("p99", p99(took), P99_SECONDS + reach.round_trip_seconds)


def name_of(request: pytest.FixtureRequest) -> str:
    """Return the id of a test's parameters but the network."""
    return str(request.node.callspec.id.partition("-")[0])


@near_and_far
def test_a_slow_engine_is_not_for_one_caller(unchanging: Served) -> None:
    """The attack: 200 point reads at once, of 100 ms each. In one queue, others waited 20 s."""
    target, greedy, other = unchanging
    with client_of(target, other) as client:
        ids = ids_of(client, 201)
        before = target.processor_seconds()
        target.delay(GET_BY_ID, 100)
        try:
            with repeating(target, greedy, [f"/sa-contexts/{id_}" for id_ in ids[1:]]) as attack:
                took = wait_beside(client, [f"/sa-contexts/{ids[0]}"], attack)
                answered = attack.result()
        finally:
            target.delay(GET_BY_ID, 0)
        seconds = target.processor_seconds() - before

    judge("engine of 100 ms", target.reach, answered, seconds, took)


@near_and_far
def test_point_reads_of_one_context_are_coalesced(unchanging: Served) -> None:
    """The attack: one caller reads one context over 64 connections. 1,037 calls a second."""
    target, greedy, other = unchanging
    with client_of(target, other) as client:
        ids = ids_of(client, 2)
        before, calls_before = target.processor_seconds(), target.calls(GET_BY_ID)
        with repeating(target, greedy, [f"/sa-contexts/{ids[0]}"] * 64) as attack:
            took = wait_beside(client, [f"/sa-contexts/{ids[1]}"], attack)
            answered = attack.result()
        seconds = target.processor_seconds() - before
        calls = target.calls(GET_BY_ID) - calls_before - len(took)

    # From a distance, few requests wait at the same time, so few can share a call.
    assert calls < max(answered / 4, MAX_CALLS_PER_SECOND * SECONDS)
    judge(f"one context, {calls} calls", target.reach, answered, seconds, took)


@near_and_far
@pytest.mark.parametrize(
    ("paths", "header", "max_ms"),
    [
        pytest.param(["/sa-contexts/summary?peers=1000&maxAge=3600"], "", 5, id="summary"),
        pytest.param(["/sa-contexts?limit=1000&maxAge=3600"], "", 25, id="large pages"),
        pytest.param(
            ["/sa-contexts?limit=1&maxAge=3600"], f"Accept: {LONG_LIST}\r\n", 5, id="accept"
        ),
        pytest.param(
            ["/sa-contexts?" + "&".join(f"a{number}" for number in range(2500))],
            "",
            5,
            id="parameters",
        ),
        pytest.param(
            ["/sa-contexts?limit=1000&maxAge=3600"],
            "Accept-Encoding: gzip\r\n",
            200,
            id="compressed pages",
        ),
    ],
)
def test_expensive_requests_delay_their_caller_only(
    unchanging: Served,
    paths: list[str],
    header: str,
    max_ms: float,
    request: pytest.FixtureRequest,
) -> None:
    """The attack: 64 requests at a time. 131 summaries a second kept others waiting for 2.8 s."""
    target, greedy, other = unchanging
    with client_of(target, other) as client:
        before = target.processor_seconds()
        with repeating(target, greedy, paths * (64 // len(paths)), header) as attack:
            took = wait_beside(client, [page_of(target.reach)], attack)
            answered = attack.result()
        seconds = target.processor_seconds() - before

    if not target.reach.is_distant:  # over the distance, few large responses end in time
        assert seconds / max(1, answered) * 1e3 < max_ms
    judge(name_of(request), target.reach, answered, seconds, took)


@near_and_far
def test_filters_delay_their_caller_only(unchanging: Served) -> None:
    """The attack: more selections at a time than results are cached. One is filtered at a time."""
    target, greedy, other = unchanging
    path = "/sa-contexts?limit=1&maxAge=3600&spi="
    with client_of(target, other) as client:
        before = target.processor_seconds()
        with repeating(target, greedy, [f"{path}{spi}" for spi in range(200)]) as attack:
            took = wait_beside(client, [f"{path}{spi}" for spi in range(1000, 1100)], attack)
            answered = attack.result()
        seconds = target.processor_seconds() - before

    judge("filters", target.reach, answered, seconds, took)


@near_and_far
@pytest.mark.parametrize("header", ["", "Accept-Encoding: gzip\r\n"], ids=["exports", "compressed"])
def test_exports_delay_their_caller_only(
    unchanging: Served, header: str, request: pytest.FixtureRequest
) -> None:
    """The attack: 64 exports at a time, of the view that costs most."""
    target, greedy, other = unchanging
    header += "Accept: application/x-ndjson\r\n"
    paths = ["/sa-contexts?maxAge=3600&view=basic"] * 64
    with client_of(target, other) as client:
        before = target.processor_seconds()
        with repeating(target, greedy, paths, header) as attack:
            took = wait_beside(client, [page_of(target.reach)], attack)
            answered = attack.result()
        seconds = target.processor_seconds() - before

    judge(f"exports, {name_of(request)}", target.reach, answered, seconds, took)

"""Warm: pages per second over HTTP, from our server, a static one and the naive one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter
from typing import Any

from benchmarks import servers
from benchmarks.client import ANEW, NEWEST, PATH, Client
from benchmarks.figures import Bar, Figure, Section, ratios, take_turns
from benchmarks.servers import Server
from benchmarks.sizes import MIN_MEAN_BYTES, PAGE_LIMIT, SEED, Sizes


OF_STATIC = 0.8
"""Minimum ratio of our page rate to the static server's."""
OF_NAIVE = 50.0
"""Minimum ratio of our page rate to the naive server's."""

OF_STATIC_AFTER_CHURN = 0.6
"""`OF_STATIC` after changes: lower, because changed contexts break up a page's blocks."""

UNIT = "pages/s"
FIRST = f"{NEWEST}&limit={PAGE_LIMIT}"

CHURN = (2, 4, 8)
"""Numbers of refreshes after which walks are measured; contexts change before each refresh."""
CHANGED_PERCENT = 2.5
CHURN_CAPTION = (
    " Changed in N steps: walks after N refreshes, each of which found "
    f"{CHANGED_PERCENT:g} % of the contexts changed."
)


def measure(sizes: Sizes) -> list[Section]:
    """Measure the largest host, then a large host whose contexts change step by step."""
    return [_measure(sizes.large, sizes, ()), _measure(sizes.small, sizes, CHURN)]


def _measure(contexts: int, sizes: Sizes, churn: tuple[int, ...]) -> Section:
    """Measure the three servers in turns, each with one client."""
    with ExitStack() as stack:
        server = stack.enter_context(servers.ours(contexts))
        our_client = stack.enter_context(Client(server.port))
        page_bytes, targets = _check_walk(our_client, contexts)
        pages = len(targets)
        static_server = stack.enter_context(servers.static(page_bytes))
        static_client = stack.enter_context(Client(static_server.port))
        naive_server = stack.enter_context(servers.naive(contexts))
        naive_client = stack.enter_context(Client(naive_server.port))
        _check_naive(our_client, naive_client)

        walks = max(1, sizes.warm_pages // pages)
        ours = _rate(our_client, lambda: _walk(our_client, walks))
        static = _rate(static_client, lambda: _ask(static_client, [PATH] * (pages * walks)))
        naive = _rate(naive_client, lambda: _ask(naive_client, [PATH] * sizes.naive_pages))
        shuffled = random.Random(SEED).sample(targets * walks, pages * walks)
        anyhow = _rate(our_client, lambda: _ask(our_client, shuffled))
        taken = take_turns(
            sizes.rounds, {"ours": ours, "static": static, "naive": naive, "anyhow": anyhow}
        )
        figures = [
            Figure("ours", UNIT, taken["ours"]),
            Figure("static", UNIT, taken["static"]),
            Figure("naive", UNIT, taken["naive"]),
            ratios("ours / static", taken["ours"], taken["static"], Bar.AT_LEAST, OF_STATIC),
            ratios("ours / naive", taken["ours"], taken["naive"], Bar.AT_LEAST, OF_NAIVE),
            ratios("ours in random order / static", taken["anyhow"], taken["static"]),
            Figure("processor, ours", "ms/page", (_processor_ms(server, ours, pages * walks),)),
            Figure(
                "processor, static",
                "ms/page",
                (_processor_ms(static_server, static, pages * walks),),
            ),
        ]
        done = 0
        for refreshes in churn:
            for _ in range(done, refreshes):
                _change(server, our_client, int(contexts * CHANGED_PERCENT / 100))
            done = refreshes
            taken = take_turns(sizes.rounds, {"ours": ours, "static": static})
            name = f"ours / static, {refreshes * CHANGED_PERCENT:g} % changed in {refreshes} steps"
            figures.append(
                ratios(name, taken["ours"], taken["static"], Bar.AT_LEAST, OF_STATIC_AFTER_CHURN)
            )
    return Section(
        f"Warm pages of {contexts} contexts, over HTTP",
        f"Ours: walks by cursor through a leased snapshot, {PAGE_LIMIT} contexts a page; or the "
        "same pages in random order, by known cursors. Static: a FastAPI endpoint that returns "
        f"{page_bytes} ready bytes, as many as a page. Naive: a new enumeration for each request, "
        f"its first {PAGE_LIMIT} contexts through a response model. Each server is a process with "
        "the same uvicorn; one client, one connection, one request at a time. Processor: processor "
        "time of that process per page, in user and in kernel mode."
        + (CHURN_CAPTION if churn else ""),
        tuple(figures),
    )


def _rate(client: Client, ask: Callable[[], int]) -> Callable[[], float]:
    def pages_a_second() -> float:
        client.reconnect()  # it was idle while the other servers were measured
        began = perf_counter()
        pages = ask()
        return pages / (perf_counter() - began)

    return pages_a_second


def _processor_ms(server: Server, ask: Callable[[], float], pages: int) -> float:
    """Return the processor time of a server per page, in ms, while `ask` requests `pages` pages."""
    before = server.processor_seconds
    ask()
    return (server.processor_seconds - before) / pages * 1e3


def _walk(client: Client, walks: int) -> int:
    """Walk through the whole list `walks` times; return the number of pages."""
    pages = 0
    for _ in range(walks):
        target: str | None = FIRST
        while target is not None:
            target = client.get(target).next_target
            pages += 1
    return pages


def _ask(client: Client, targets: list[str]) -> int:
    for target in targets:
        client.get(target)
    return len(targets)


def _change(server: Server, client: Client, changes: int) -> None:
    """Make `changes` changes to the contexts, and have the server refresh."""
    server.simulate("churn", changes)
    client.reconnect()
    client.get(ANEW)


def _check_walk(client: Client, contexts: int) -> tuple[int, list[str]]:
    """Walk once; return the mean size of a page, and the targets of all pages.

    Assert that the pages show every context once, in order, and all from one snapshot.
    """
    ids: list[int] = []
    lengths: list[int] = []
    targets: list[str] = []
    snapshots: set[str] = set()
    target: str | None = FIRST
    while target is not None:
        answer = client.get(target)
        targets.append(target)
        page = json.loads(client.body)
        ids += [int(item["saContextId"]) for item in page["items"]]
        snapshots.add(json.dumps(page["snapshot"]))
        lengths.append(answer.length)
        target = answer.next_target
    assert len(ids) == contexts, f"{len(ids)} contexts instead of {contexts}"
    assert ids == sorted(set(ids)), "the walk repeats contexts or leaves their order"
    assert len(snapshots) == 1, "the walk leaves its snapshot"
    assert sum(lengths) >= contexts * MIN_MEAN_BYTES, "the contexts are thin"
    return sum(lengths) // len(lengths), targets


def _check_naive(our_client: Client, naive_client: Client) -> None:
    our_client.reconnect()
    our_client.get(FIRST)
    naive_client.get(PATH)
    ours, naive = (_without_rules(client.body) for client in (our_client, naive_client))
    assert ours == naive, "the naive server's page has other contexts"


def _without_rules(page: bytes | bytearray) -> list[dict[str, Any]]:
    """Return the contexts of a page without the names of rules, which only our server looks up."""
    items: list[dict[str, Any]] = json.loads(page)["items"]
    for item in items:
        for sa in (item["inboundSa"], item["outboundSa"]):
            if sa is not None:
                del sa["ruleName"]
    return items

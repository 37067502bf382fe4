"""Warm: pages a second over HTTP, of ours, of a static server and of the naive one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter

from benchmarks import servers
from benchmarks.client import PATH, Client
from benchmarks.figures import Figure, Section, ratios, take_turns
from benchmarks.sizes import MIN_MEAN_BYTES, PAGE_LIMIT, Sizes


AT_LEAST = 0.5
"""What part of the static server's pages ours must give."""

UNIT = "pages/s"
FIRST = f"{PATH}?limit={PAGE_LIMIT}&maxAge=86400"
"""Begins a walk on the newest version, however old it is."""


def measure(sizes: Sizes) -> Section:
    """The three servers in turns, each with one client."""
    count = sizes.warm_contexts
    with ExitStack() as stack:
        our_client = stack.enter_context(Client(stack.enter_context(servers.ours(count))))
        page_bytes, pages = _check_walk(our_client, count)
        static_port = stack.enter_context(servers.static(page_bytes))
        static_client = stack.enter_context(Client(static_port))
        naive_client = stack.enter_context(Client(stack.enter_context(servers.naive(count))))
        _check_naive(our_client, naive_client)
        asked = pages * sizes.warm_walks
        taken = take_turns(
            sizes.rounds,
            {
                "ours": _rate(our_client, lambda: _walks(our_client, sizes.warm_walks), asked),
                "static": _rate(static_client, lambda: _ask(static_client, asked), asked),
                "naive": _rate(
                    naive_client, lambda: _ask(naive_client, sizes.naive_pages), sizes.naive_pages
                ),
            },
        )
    return Section(
        "Warm pages, over HTTP",
        (
            f"ours: walks by cursor through a held snapshot of {count} contexts.",
            f"static: a FastAPI endpoint that returns {page_bytes} ready bytes, as many as a page.",
            f"naive: a new enumeration for each request, its first {PAGE_LIMIT} contexts through a",
            "response model. Each server is a process with the same uvicorn; one client,",
            "one connection, one request at a time.",
        ),
        (
            Figure("ours", UNIT, taken["ours"]),
            Figure("static", UNIT, taken["static"]),
            Figure("naive", UNIT, taken["naive"]),
            ratios("ours / static", taken["ours"], taken["static"], at_least=AT_LEAST),
            ratios("ours / naive", taken["ours"], taken["naive"]),
        ),
    )


def _rate(client: Client, work: Callable[[], None], pages: int) -> Callable[[], float]:
    def pages_a_second() -> float:
        client.reconnect()  # it was idle while it was others' turn
        began = perf_counter()
        work()
        return pages / (perf_counter() - began)

    return pages_a_second


def _walks(client: Client, walks: int) -> None:
    for _ in range(walks):
        target: str | None = FIRST
        while target is not None:
            target = client.get(target).next_target


def _ask(client: Client, pages: int) -> None:
    for _ in range(pages):
        client.get(PATH)


def _check_walk(client: Client, contexts: int) -> tuple[int, int]:
    """Walk once; assert that every context comes once; the mean page's bytes, and how many."""
    ids: list[int] = []
    lengths: list[int] = []
    snapshots: set[str] = set()
    target: str | None = FIRST
    while target is not None:
        answer = client.get(target)
        page = json.loads(client.body)
        ids += [int(item["saContextId"]) for item in page["items"]]
        snapshots.add(json.dumps(page["snapshot"]))
        lengths.append(answer.length)
        target = answer.next_target
    assert len(ids) == contexts, f"{len(ids)} contexts instead of {contexts}"
    assert ids == sorted(set(ids)), "the walk repeats contexts or leaves their order"
    assert len(snapshots) == 1, "the walk leaves its snapshot"
    assert sum(lengths) >= contexts * MIN_MEAN_BYTES, "the contexts are thin"
    return sum(lengths) // len(lengths), len(lengths)


def _check_naive(our_client: Client, naive_client: Client) -> None:
    our_client.reconnect()
    our_client.get(FIRST)
    naive_client.get(PATH)
    ours, naive = (json.loads(client.body)["items"] for client in (our_client, naive_client))
    assert ours == naive, "the naive server's page has other contexts"

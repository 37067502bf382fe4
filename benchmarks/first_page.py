"""First page: how long the first page takes if the server must read the engine for it."""

from __future__ import annotations

from time import perf_counter

from benchmarks import servers
from benchmarks.client import PATH, Client
from benchmarks.figures import Bar, Figure, Section
from benchmarks.sizes import Sizes


MAX_MILLISECONDS = 400.0
LIMITS = (100, 1000)


def measure(sizes: Sizes) -> list[Section]:
    """Measure first pages during a server's first refresh, and during later refreshes."""
    contexts = sizes.small
    first: dict[int, list[float]] = {limit: [] for limit in LIMITS}
    later: dict[int, list[float]] = {limit: [] for limit in LIMITS}
    for _ in range(sizes.few_rounds):
        for limit in LIMITS:
            with servers.ours(contexts) as server, Client(server.port) as client:
                first[limit].append(_first_page(client, limit))
                for each in LIMITS:
                    client.rest()
                    server.simulate("churn", contexts // 100)
                    later[each].append(_first_page(client, each))
    return [
        Section(
            f"First page of {contexts} contexts, over HTTP",
            "From the request, sent with maxAge=0 after the minimum pause between refreshes, to "
            "the end of the page. First refresh: the server has not read the engine before. Later "
            "refresh: 1 % has changed since the previous one.",
            tuple(
                Figure(
                    f"{name} refresh, limit={limit}",
                    "ms",
                    tuple(taken[limit]),
                    Bar.AT_MOST,
                    MAX_MILLISECONDS,
                )
                for name, taken in (("first", first), ("later", later))
                for limit in LIMITS
            ),
        )
    ]


def _first_page(client: Client, limit: int) -> float:
    """Return how many milliseconds the first page takes.

    Then request the second page, which waits until the snapshot is complete.
    """
    began = perf_counter()
    following = client.get(f"{PATH}?maxAge=0&limit={limit}").next_target
    milliseconds = (perf_counter() - began) * 1e3
    assert following
    client.get(following)
    return milliseconds

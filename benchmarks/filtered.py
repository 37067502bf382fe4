"""Filtered: how long the pages of a filtered list of many contexts take."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

from benchmarks import servers
from benchmarks.client import ANEW, NEWEST, Client
from benchmarks.figures import Figure, Section
from benchmarks.sizes import Sizes


LATER_PAGES = 20


def measure(sizes: Sizes) -> list[Section]:
    """Measure filters that match few contexts, and filters that match many."""
    contexts = sizes.large
    figures: list[Figure] = []
    with servers.ours(contexts) as server, Client(server.port) as client:
        client.get(ANEW)
        for name, query in _filters(client).items():
            client.reconnect()
            figures += _figures(client, name, query)
    return [
        Section(
            f"Filtered lists of {contexts} contexts, over HTTP",
            "Pages of 100 of a cached snapshot. First: all contexts are searched. Again: a first "
            "page whose matches are cached. Later: the pages that follow, in a row.",
            tuple(figures),
        )
    ]


def _filters(client: Client) -> dict[str, str]:
    """Return queries, by what they select; SPI and peer are those of an existing context."""
    client.get(f"{NEWEST}&limit=100")
    page = json.loads(client.body)
    details: dict[str, Any] = next(
        item["outboundSa"] for item in reversed(page["items"]) if item["outboundSa"]
    )
    spi = details["saBundle"]["saList"][0]["spi"]
    remote = details["traffic"]["remoteAddress"]
    return {
        "one SPI": f"spi={spi}",
        "one peer": f"remoteAddress={remote}",
        "transport mode": "trafficType=transport",
        "two subnets and a cipher": (
            "localSubnet=10.0.0.0/8&remoteSubnet=10.0.0.0/8&cipher=gcm_aes_256"
        ),
    }


def _figures(client: Client, name: str, query: str) -> list[Figure]:
    target = f"{NEWEST}&limit=100&{query}"
    first, following = _milliseconds(client, target)
    again, _ = _milliseconds(client, target)
    matching = _matching(client, query)
    later: list[float] = []
    while following is not None and len(later) < LATER_PAGES:
        milliseconds, following = _milliseconds(client, following)
        later.append(milliseconds)
    figures = [
        Figure(f"{name}: contexts", "", (matching,)),
        Figure(f"{name}: first", "ms", (first,)),
        Figure(f"{name}: again", "ms", (again,)),
    ]
    return [*figures, Figure(f"{name}: later", "ms", tuple(later))] if later else figures


def _milliseconds(client: Client, target: str) -> tuple[float, str | None]:
    began = perf_counter()
    answer = client.get(target)
    return (perf_counter() - began) * 1e3, answer.next_target


def _matching(client: Client, query: str) -> int:
    """Walk through all pages of a filtered list; return the number of contexts."""
    found = 0
    target: str | None = f"{NEWEST}&limit=1000&{query}"
    while target is not None:
        target = client.get(target).next_target
        found += len(json.loads(client.body)["items"])
    return found

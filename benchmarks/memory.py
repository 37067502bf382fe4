"""Memory: how much the snapshots of a large host occupy."""

from __future__ import annotations

from benchmarks import servers
from benchmarks.client import ANEW, NEWEST, Client
from benchmarks.figures import Bar, Figure, Section
from benchmarks.sizes import PAGE_LIMIT, Sizes


ONE = 1.3
TWO = 1.5
"""Maximum memory for one snapshot, and for two that differ in 5 % of the contexts.

Both are multiples of the size of one snapshot's JSON.
"""

CHANGED_PERCENT = 5


def measure(sizes: Sizes) -> list[Section]:
    """Run the rounds, each with a new server."""
    contexts = sizes.large
    one, two, two_used, encoded = zip(
        *(_measure(contexts) for _ in range(max(1, sizes.few_rounds - 1))), strict=True
    )
    return [
        Section(
            f"Memory of snapshots of {contexts} contexts",
            "The growth of the server's resident set since before it first read the engine, "
            "divided by the bytes of all contexts' JSON. One: read and leased. Two: read again "
            f"after changes to {CHANGED_PERCENT} %, and both leased; the journal is included.",
            (
                Figure("bytes of JSON", "MB", tuple(size / 1e6 for size in encoded)),
                Figure(
                    "one snapshot / JSON",
                    "times",
                    tuple(more / size for more, size in zip(one, encoded, strict=True)),
                    Bar.AT_MOST,
                    ONE,
                ),
                Figure(
                    "two snapshots / JSON of one",
                    "times",
                    tuple(more / size for more, size in zip(two, encoded, strict=True)),
                    Bar.AT_MOST,
                    TWO,
                ),
                Figure(
                    "the same, unused memory given back",
                    "times",
                    tuple(more / size for more, size in zip(two_used, encoded, strict=True)),
                ),
            ),
        )
    ]


def _measure(contexts: int) -> tuple[int, int, int, int]:
    """Return how many bytes snapshots add to a new server's memory, and the size of their JSON.

    In order: what one snapshot adds, what two snapshots add, what two add after the C library has
    returned unused memory, and the size of the newest snapshot's JSON.
    """
    with servers.ours(contexts) as server, Client(server.port) as client:
        client.get("/engine")  # now, so that `before` includes the memory for answering
        before = server.resident_bytes
        _read_and_hold(client)
        one = server.resident_bytes - before
        server.simulate("churn", contexts * CHANGED_PERCENT // 100)
        _read_and_hold(client)
        two = server.resident_bytes - before
        server.simulate("trim")
        return one, two, server.resident_bytes - before, _encoded_bytes(client)


def _read_and_hold(client: Client) -> None:
    client.reconnect()
    client.get(ANEW)
    assert client.get(f"{NEWEST}&limit=1").next_target


def _encoded_bytes(client: Client) -> int:
    """Return the total length of all pages, of which about 0.01 % is not contexts."""
    encoded = 0
    target: str | None = f"{NEWEST}&limit={PAGE_LIMIT}"
    while target is not None:
        answer = client.get(target)
        encoded += answer.length
        target = answer.next_target
    return encoded

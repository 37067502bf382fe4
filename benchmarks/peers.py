"""Peers: what the running counts cost, and how long the pages of peers take."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

from app.answers.peers.aggregate import Peers, by_peer
from app.answers.peers.store import PeerStore, Sources
from app.answers.peers.traffic import Sample
from app.repository.limits import StoreLimits
from app.repository.query.filters import Key
from app.repository.snapshot.model import Change, Item
from app.resources.sa_contexts.encoding import encode_sa_context
from app.resources.sa_contexts.index import index_key, remote_addresses
from app.schemas.names import Baseline
from benchmarks import fixture, servers
from benchmarks.client import ANEW, NEWEST, Client
from benchmarks.figures import Bar, Figure, Section, ratios, take_turns
from benchmarks.sizes import Sizes
from bindings.engine import Engine
from bindings.records import Identity, SaContext, SaDetails


CONTEXTS_PER_PEER = 5
PAGE = 100
PAGES = 50

OF_CONTEXTS = 0.5
"""Minimum ratio of the rate of pages of peers to that of pages of contexts."""
MICROSECONDS = 2.0
"""Maximum time per changed context."""
OF_JSON = 0.05
"""Maximum ratio of the memory of the counts to the size of the contexts' JSON."""

NEWEST_PEERS = "/peers?maxAge=86400"


def measure(sizes: Sizes) -> list[Section]:
    """Measure the counts in this process, then the pages over HTTP."""
    return [_counts(sizes), _pages(sizes)]


def _counts(sizes: Sizes) -> Section:
    contexts = sizes.large
    keys, json_bytes = _index_keys(contexts)
    changes = [Change("modified", number, Item(key, b""), key) for number, key in keys.items()]
    peers, bytes_counted, bytes_published = _memory(keys)
    at = datetime.now(UTC)
    seconds = []
    for _ in range(sizes.rounds):
        began = perf_counter()
        peers.apply_contexts(changes, at)
        seconds.append(perf_counter() - began)
        peers.take_changed()
    return Section(
        f"Counts of {len(peers)} peers of {contexts} contexts, in this process",
        "Time: each context is modified, so it leaves its peer's counts and enters them again. "
        "Memory: what Python allocates, divided by the size of the contexts' JSON; published "
        "includes the JSON of all peers, as after a walk through the whole list.",
        (
            Figure(
                "a changed context",
                "µs",
                tuple(each / contexts * 1e6 for each in seconds),
                Bar.AT_MOST,
                MICROSECONDS,
            ),
            Figure("counts / JSON", "times", (bytes_counted / json_bytes,), Bar.AT_MOST, OF_JSON),
            Figure(
                "counts, published / JSON",
                "times",
                (bytes_published / json_bytes,),
                Bar.AT_MOST,
                OF_JSON,
            ),
        ),
    )


def _index_keys(contexts: int) -> tuple[dict[int, Key], int]:
    """Return the index keys of contexts with `CONTEXTS_PER_PEER` each, and their JSON's size."""
    library = fixture.populated(contexts)
    keys: dict[int, Key] = {}
    size = 0
    identity: Identity | None = None
    with Engine(library) as engine:
        for page in engine.pages():
            for context in page:
                peer, nth = divmod(len(keys), CONTEXTS_PER_PEER)
                if not nth:
                    identity = _identity_of(context)
                changed = _of_peer(context, (0x0A000000 + peer).to_bytes(4), identity)
                size += len(encode_sa_context(changed))
                keys[changed.sa_context_id] = index_key(changed, Baseline.NIST_SP_800_77R1)
    return keys, size


def _identity_of(context: SaContext) -> Identity | None:
    details = context.outbound_sa or context.inbound_sa
    return None if details is None else details.sa_bundle.ipsec_id


def _of_peer(context: SaContext, remote: bytes, identity: Identity | None) -> SaContext:
    """Return a context as one of the peer with this address and these names."""

    def changed(details: SaDetails | None) -> SaDetails | None:
        if details is None:
            return None
        return details._replace(
            traffic=details.traffic._replace(remote_address=remote),
            sa_bundle=details.sa_bundle._replace(ipsec_id=identity),
        )

    return context._replace(
        inbound_sa=changed(context.inbound_sa), outbound_sa=changed(context.outbound_sa)
    )


def _memory(keys: dict[int, Key]) -> tuple[Peers, int, int]:
    """Return peers with these contexts, and their memory before and after a publication."""
    asyncio.run(_publish(Peers()))  # imports modules, which are not the peers'
    gc.collect()
    tracemalloc.start()
    peers = Peers()
    asyncio.run(peers.replace_contexts(by_peer(keys.items(), remote_addresses), None))
    counted, _ = tracemalloc.get_traced_memory()
    asyncio.run(_publish(peers))
    published, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peers, counted, published


async def _publish(peers: Peers) -> PeerStore:
    async def no_sources(_max_age: float) -> Sources:
        raise NotImplementedError

    store = PeerStore(peers, no_sources, StoreLimits(), sees_failures=True)
    store.mark(peers.take_changed())
    await store.publish(Sources(datetime.now(UTC), 0.0, Sample(), {}))
    return store


def _pages(sizes: Sizes) -> Section:
    contexts = sizes.large
    with servers.ours(contexts) as server, Client(server.port) as client:
        server.simulate("concentrate", contexts // CONTEXTS_PER_PEER)
        client.get(ANEW)
        began = perf_counter()
        client.get(f"{NEWEST_PEERS}&limit={PAGE}")
        first = perf_counter() - began
        client.get(f"{NEWEST_PEERS}&limit={PAGE}&sort=-bytes")
        taken = take_turns(
            sizes.rounds,
            {
                "contexts": _rate(client, f"{NEWEST}&limit={PAGE}"),
                "peers": _rate(client, f"{NEWEST_PEERS}&limit={PAGE}"),
                "sorted": _rate(client, f"{NEWEST_PEERS}&limit={PAGE}&sort=-bytes"),
            },
        )
        client.reconnect()
        peers = _count(client)
        assert peers == contexts // CONTEXTS_PER_PEER
    return Section(
        f"Warm pages of {peers} peers of {contexts} contexts, over HTTP",
        f"Walks by cursor through a leased snapshot, {PAGE} items a page, {PAGES} pages a walk. "
        "The first page of peers includes reading main mode SAs and connections.",
        (
            Figure("contexts", "pages/s", taken["contexts"]),
            Figure("peers", "pages/s", taken["peers"]),
            Figure("peers, -bytes", "pages/s", taken["sorted"]),
            ratios(
                "peers / contexts", taken["peers"], taken["contexts"], Bar.AT_LEAST, OF_CONTEXTS
            ),
            ratios(
                "peers, -bytes / contexts",
                taken["sorted"],
                taken["contexts"],
                Bar.AT_LEAST,
                OF_CONTEXTS,
            ),
            Figure("the first page of peers", "s", (first,)),
        ),
    )


def _rate(client: Client, start: str) -> Callable[[], float]:
    def pages_a_second() -> float:
        client.reconnect()  # it was idle while the others were measured
        began = perf_counter()
        target: str | None = start
        pages = 0
        while target is not None and pages < PAGES:
            target = client.get(target).next_target
            pages += 1
        return pages / (perf_counter() - began)

    return pages_a_second


def _count(client: Client) -> int:
    count = 0
    target: str | None = f"{NEWEST_PEERS}&limit=1000"
    while target is not None:
        target = client.get(target).next_target
        count += len(json.loads(client.body)["items"])
    return count

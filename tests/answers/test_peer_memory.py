"""What leased snapshots of peers are accounted, compared with what they occupy."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.answers.peers import traffic
from app.answers.peers.aggregate import Peers
from app.answers.peers.snapshot import BYTES_PER_PEER, BYTES_PER_TRAFFIC, PeerTexts
from app.answers.peers.store import PeerStore, Sources
from app.answers.peers.traffic import Sample
from app.repository.limits import StoreLimits


NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _keys_are_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "remote_of_ends", lambda key: key)


def sample_of(addresses: list[bytes], seconds: int, before: Sample | None = None) -> Sample:
    """Return a sample of one connection with each address."""
    counts = [(10**9 + 1000 * number, 10**10 + 7 * number) for number in range(len(addresses))]
    snapshot: Any = SimpleNamespace(
        epoch="a",
        started=float(seconds),
        ids=range(len(addresses)),
        index_keys=addresses,
        annotations={},
        blocks=[
            b'"bytesTransferredIn":"%d","bytesTransferredOut":"%d",'
            % (received + 12_345 * seconds, sent + 67_890 * seconds)
            for received, sent in counts
        ],
    )
    return Sample(snapshot, before)


@pytest.mark.parametrize("is_ipv6", [False, True])
@pytest.mark.parametrize("count", [1000, 5000, 15_000])
def test_the_traffic_of_peers_is_accounted_as_it_is(count: int, *, is_ipv6: bool) -> None:
    addresses = [number.to_bytes(16 if is_ipv6 else 4) for number in range(1, count + 1)]
    first = sample_of(addresses, 0)
    gc.collect()
    tracemalloc.start()
    try:
        totals = sample_of(addresses, 15, first).totals
        gc.collect()
        occupied, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    accounted = sum(PeerTexts([], [], totals, None).parts.values())

    assert len(totals.peers) == count
    assert 0.9 * occupied < accounted < 1.25 * occupied


def test_publications_share_what_has_not_changed() -> None:
    addresses = [number.to_bytes(4) for number in range(1, 101)]
    store = PeerStore(Peers(addresses), cast(Any, None), StoreLimits(), sees_failures=True)
    store.mark({*addresses})
    first = sample_of(addresses, 0)
    second = sample_of(addresses[:30], 15, first)

    async def accounted() -> list[int]:
        sizes = []
        for sample in (first, first, second):
            snapshot = await store.publish(Sources(NOW, 0.0, sample, {}))
            store.leases.acquire(snapshot)
            sizes.append(store.leases.bytes(None))
        store.leases.drop_all()
        return [*sizes, store.leases.bytes(None)]

    one = 100 * (BYTES_PER_PEER + BYTES_PER_TRAFFIC)
    assert asyncio.run(accounted()) == [one, one, one + 30 * BYTES_PER_TRAFFIC, 0]

"""The summary, however many peers are asked for and by however many requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sa_contexts_simulator import Simulator

from app.resources.sa_contexts import summary
from app.resources.sa_contexts.counts import SaContextCounts
from tests.conftest import Serve


def test_the_peers_of_a_snapshot_are_encoded_once(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[SaContextCounts] = []
    encode = summary._encode_peers  # noqa: SLF001  # to count its calls

    def counted(counts: SaContextCounts) -> list[bytes]:
        encoded.append(counts)
        return encode(counts)

    monkeypatch.setattr(summary, "_encode_peers", counted)
    client = serve(contexts=200)
    client.get("/sa-contexts?limit=1000")

    def peers(count: int) -> object:
        return client.get(f"/sa-contexts/summary?maxAge=3600&peers={count}").json()["peers"]

    complete = peers(1000)
    assert isinstance(complete, list)
    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(peers, range(40))] == [complete[:count] for count in range(40)]
    assert len(encoded) == 1
    assert [(each["remoteAddress"], each["contexts"]) for each in complete] == [
        (each["remoteAddress"], each["contexts"])
        for each in sorted(complete, key=lambda each: -each["contexts"])
    ]
    simulator.churn(50)
    client.get("/sa-contexts/summary?maxAge=0")
    assert len(encoded) == 2

"""More walks than any client needs."""

from __future__ import annotations

import httpx2

from tests.hostile.distance import Reach, near_and_far
from tests.hostile.process import running_target


WALKS, SNAPSHOTS = 10_000, 250
DISTANT_WALKS, DISTANT_SNAPSHOTS = 40, 10
"""A walk from a distance takes as many round trips as it has pages."""


@near_and_far
def test_ten_thousand_walks_go_on(reach: Reach) -> None:
    """Walk on the maximum of leased snapshots; beyond it, the oldest walk is evicted."""
    walk_count = DISTANT_WALKS if reach.is_distant else WALKS
    snapshot_count = DISTANT_SNAPSHOTS if reach.is_distant else SNAPSHOTS
    with (
        running_target(
            reach,
            allow_insecure=True,
            simulated_contexts=100,
            simulated_churn=2000,
            refresh_min_interval_seconds=0,
            max_snapshots=snapshot_count,
            snapshot_idle_timeout_seconds=600,
            max_journal_bytes=1
            << 20,  # has a limit of its own, which churn reaches without any walk
        ) as target,
        httpx2.Client(base_url=target.url, timeout=60) as client,
    ):
        before = target.resident_bytes()
        walks: dict[str, str] = {}
        oldest = client.get("/sa-contexts?maxAge=0&limit=1").json()["nextCursor"]
        for _ in range(snapshot_count):
            page = client.get("/sa-contexts?maxAge=0&limit=1")
            for _ in range(walk_count // snapshot_count):
                cursor = page.json()["nextCursor"]
                walks[cursor] = page.text.rpartition('"snapshot":')[2]
                page = client.get("/sa-contexts", params={"cursor": cursor, "limit": 1})

        page = client.get("/sa-contexts", params={"cursor": oldest})
        assert (page.status_code, page.json()["code"]) == (410, "cursor_expired")
        assert client.get(page.json()["restartUrl"]).status_code == 200
        assert len(walks) >= walk_count
        assert len(set(walks.values())) >= snapshot_count
        for cursor, snapshot in walks.items():
            page = client.get("/sa-contexts", params={"cursor": cursor, "limit": 2})
            assert page.status_code == 200
            assert page.text.rpartition('"snapshot":')[2] == snapshot
        assert target.peak_bytes() - before < 256 << 20
        assert client.get("/sa-contexts?maxAge=3600&limit=1000").status_code == 200
        assert target.engine()["ready"] is True

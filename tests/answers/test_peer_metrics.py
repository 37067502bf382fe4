"""The metric of peers: the states of the list, kept current for as long as somebody scrapes."""

from __future__ import annotations

from collections import Counter

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.peers import part
from app.answers.peers.part import PeersPart
from app.schemas.names import PeerState
from tests.api.test_engine import until
from tests.api.test_metrics import service_of, value
from tests.conftest import Serve


EXPECTED = "192.0.2.99"


def counts(client: TestClient) -> dict[str, float | None]:
    return {state.value: value(client, "wfp_peers_by_state", state=state) for state in PeerState}


def listed(client: TestClient) -> dict[str, int]:
    found = Counter(peer["state"] for peer in client.get("/peers?limit=1000").json()["items"])
    return {state.value: found[state.value] for state in PeerState}


def test_peers_are_counted_by_state(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=300, expected_peers=EXPECTED, refresh_interval_seconds=0.05)
    client.get("/net-events")
    simulator.net_events(100)
    assert simulator.flush()
    simulator.populate(5, 1)  # fewer peers than those that failed

    until(lambda: bool(counts(client)["failing"]))

    assert client.get("/peers?maxAge=0").status_code == 200
    until(lambda: counts(client) == listed(client))
    assert all(counts(client)[each] for each in ("protected", "failing", "down"))


def test_nothing_is_read_before_the_first_scrape(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = []
    original = PeersPart._publish_watched  # noqa: SLF001  # what is watched

    async def spy(self: PeersPart, *, is_measured: bool = False) -> None:
        published.append(is_measured)
        await original(self, is_measured=is_measured)

    monkeypatch.setattr(PeersPart, "_publish_watched", spy)
    client = serve(contexts=3, refresh_interval_seconds=0.01)
    until(lambda: len(published) > 3)
    assert service_of(client).part(PeersPart).view(sees_failures=True).store.current is None
    assert not any(published)

    until(lambda: counts(client)["protected"] is not None)

    monkeypatch.setattr(part, "DEMAND_SECONDS", 0)
    published.clear()
    until(lambda: len(published) > 3)
    assert not any(published[1:])


def test_there_are_no_values_while_the_engine_is_down(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=3, refresh_interval_seconds=0.05)
    until(lambda: counts(client)["protected"] is not None)

    simulator.fail("IPsecSaContextEnum1", 1753, times=0)

    until(lambda: {*counts(client).values()} == {None})
    simulator.clear_failures()
    until(lambda: counts(client)["protected"] is not None)

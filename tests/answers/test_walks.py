"""Walks of lists that an answer publishes again, although nothing has changed."""

from __future__ import annotations

from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from tests.answers.test_tunnel_routes import put_tunnels
from tests.conftest import Serve
from tests.resources.test_sa_context_routes import content_of


NOW = 0.001
"""An age that makes requests read SA contexts, but sample no connections."""


def served(serve: Serve, simulator: Simulator, path: str, **settings: Any) -> TestClient:
    """Return a client of a server that has published what does not change from now on."""
    client = serve(contexts=20, **settings)
    put_tunnels(simulator)
    for _ in range(2):
        first_page(client, path)
    return client


def first_page(client: TestClient, path: str, max_age: float = NOW) -> dict[str, Any]:
    return content_of(client.get(path, params={"limit": 2, "maxAge": max_age}))


def second_page(client: TestClient, path: str, first: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(path, params={"limit": 2, "cursor": first["nextCursor"]})
    assert answer.status_code == 200, answer.text
    return content_of(answer)


@pytest.mark.parametrize("path", ["/peers", "/tunnels"])
def test_all_pages_of_a_walk_show_the_snapshot_of_its_first(
    serve: Serve, simulator: Simulator, path: str
) -> None:
    client = served(serve, simulator, path)
    walks = [first_page(client, path) for _ in range(3)]

    assert len({page["snapshot"]["takenAt"] for page in walks}) == 3
    assert len({page["snapshot"]["revision"] for page in walks}) == 1
    for first in walks:
        assert second_page(client, path, first)["snapshot"] == first["snapshot"]


@pytest.mark.parametrize("path", ["/peers", "/tunnels"])
def test_requests_of_one_read_show_one_snapshot(
    serve: Serve, simulator: Simulator, path: str
) -> None:
    client = served(serve, simulator, path)

    assert len({first_page(client, path, max_age=60)["nextCursor"] for _ in range(3)}) == 1


@pytest.mark.parametrize("path", ["/peers", "/tunnels"])
def test_publications_of_the_same_texts_count_as_one_snapshot(
    serve: Serve, simulator: Simulator, path: str
) -> None:
    client = served(serve, simulator, path, max_snapshots=1)
    walks = [first_page(client, path) for _ in range(3)]

    for first in walks:
        second_page(client, path, first)

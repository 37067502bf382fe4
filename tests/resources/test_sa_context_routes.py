"""Walking through `/sa-contexts`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import orjson
import pytest
from httpx2 import Response
from sa_contexts_simulator import Option, Simulator
from starlette.testclient import TestClient

from app.repository.query.cursors import Cursor, CursorKey
from app.resources.sa_contexts.filters import SaContextSelection
from app.resources.sa_contexts.schema import SaContextPage
from tests.conftest import Serve


PLAIN = {"accept-encoding": "identity"}
"""gzip, which tests/api/test_lists.py covers, would take most of a long walk's time."""


def walk(client: TestClient, path: str = "/sa-contexts", **parameters: Any) -> Iterator[Response]:
    """The pages of a list, all but the first asked for twice, by following the Link header."""
    page = client.get(path, params=parameters, headers=PLAIN)
    while True:
        assert page.status_code == 200, page.text
        yield page
        link = page.links.get("next")
        assert (link is None) == ("nextCursor" not in content_of(page))
        if link is None:
            return
        url = "/" + str(link["url"])
        page = client.get(url, headers=PLAIN)
        assert client.get(url, headers=PLAIN).content == page.content


def content_of(page: Response) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(page.content)
    return content


def ids_in(content: dict[str, Any]) -> list[int]:
    return [int(item["saContextId"]) for item in content["items"]]


def ids_of(page: Response) -> list[int]:
    return ids_in(content_of(page))


COUNTS_AND_LIMITS = [
    *product([0, 1, 7, 1001], [1]),  # with pages of one, any count is a multiple
    *product([0, 1, 999, 1000, 1001], [7, 100, 1000]),
]

MAX_PAGES = 150
"""Of a walk while everything changes, which takes long."""


@pytest.mark.parametrize(("count", "limit"), COUNTS_AND_LIMITS)
def test_a_walk_gives_each_context_once_in_order(
    serve: Serve, simulator: Simulator, count: int, limit: int
) -> None:
    simulator.set_option(Option.SHUFFLE)
    client = serve(contexts=count)

    pages = [content_of(page) for page in walk(client, limit=limit)]

    assert [i for page in pages for i in ids_in(page)] == simulator.ids()
    assert all(len(page["items"]) == limit for page in pages[:-1])
    assert len({str(page["snapshot"]) for page in pages}) == 1


@pytest.mark.parametrize("limit", [100, 1000])
def test_a_long_walk_is_complete(serve: Serve, simulator: Simulator, limit: int) -> None:
    client = serve(contexts=25_000, engine_timeout_seconds=300)

    assert [i for page in walk(client, limit=limit) for i in ids_of(page)] == simulator.ids()


@pytest.mark.parametrize(
    ("count", "limit"),
    [
        *((count, limit) for count, limit in COUNTS_AND_LIMITS if count <= MAX_PAGES * limit),
        (25_000, 100),
        (25_000, 1000),
    ],
)
def test_a_walk_shows_one_snapshot_while_everything_changes(
    serve: Serve, simulator: Simulator, count: int, limit: int
) -> None:
    client = serve(contexts=count, refresh_interval_seconds=0.2, engine_timeout_seconds=300)
    before = set(simulator.ids())
    simulator.start_churn(200, seed=5)

    pages = [content_of(page) for page in walk(client, limit=limit)]

    simulator.stop_churn()
    found = [i for page in pages for i in ids_in(page)]
    assert all(one < next_ for one, next_ in pairwise(found))
    assert len({str(page["snapshot"]) for page in pages}) == 1
    assert before & set(simulator.ids()) <= set(found)  # the contexts that existed throughout
    snapshot = pages[0]["snapshot"]
    held = client.app.state.service.store.leases.find(snapshot["epoch"], snapshot["revision"])  # type: ignore[attr-defined]  # FastAPI
    assert held is None if len(pages) == 1 else found == list(held.snapshot.ids)


def test_pages_are_what_the_schema_says(client: TestClient) -> None:
    for page in walk(client, limit=10):
        SaContextPage.model_validate_json(page.content)
        assert page.headers["content-type"] == "application/json; charset=utf-8"
        is_first = "etag" in page.headers
        assert page.headers["cache-control"] == ("no-cache" if is_first else "no-store")


def test_an_empty_engine_gives_an_empty_list(serve: Serve) -> None:
    page = serve(contexts=0).get("/sa-contexts")

    assert page.status_code == 200
    assert page.json()["items"] == []
    assert "nextCursor" not in page.json()


def test_a_snapshot_says_whose_contexts_it_shows(client: TestClient) -> None:
    snapshot = client.get("/sa-contexts").json()["snapshot"]

    assert snapshot["engine"] == "simulator"
    assert snapshot["takenAt"].endswith("Z")
    assert snapshot["revision"] >= 1


def test_the_limit_is_100_and_brought_down_to_1000(serve: Serve) -> None:
    client = serve(contexts=1200)

    assert len(ids_of(client.get("/sa-contexts"))) == 100
    assert len(ids_of(client.get("/sa-contexts?limit=1000000"))) == 1000


def test_the_limit_may_change_from_page_to_page(client: TestClient) -> None:
    first = client.get("/sa-contexts?limit=3").json()
    second = client.get(f"/sa-contexts?limit=5&cursor={first['nextCursor']}")

    assert len(ids_of(second)) == 5
    assert second.links["next"]["url"].endswith("&limit=5")


def test_contexts_are_filtered_by_subnet(client: TestClient) -> None:
    everything = client.get("/sa-contexts?limit=1000").json()["items"]
    remote = next(
        item["outboundSa"]["traffic"]["remoteAddress"] for item in everything if item["outboundSa"]
    )

    found = list(walk(client, limit=1, remoteSubnet=[remote, "203.0.113.255"], localSubnet="::/0"))
    found += list(
        walk(client, limit=1, remoteSubnet=[remote, "203.0.113.255"], localSubnet="0.0.0.0/0")
    )

    assert {i for page in found for i in ids_of(page)} == {
        int(item["saContextId"])
        for item in everything
        if any(
            sa and sa["traffic"]["remoteAddress"] == remote
            for sa in (item["inboundSa"], item["outboundSa"])
        )
    }


def test_a_cursor_carries_its_filters(client: TestClient) -> None:
    first = client.get("/sa-contexts?limit=1&localSubnet=10.0.0.0/8").json()
    cursor = first["nextCursor"]

    alone = client.get(f"/sa-contexts?limit=1&cursor={cursor}")
    beside = client.get(f"/sa-contexts?limit=1&cursor={cursor}&localSubnet=10.0.0.0/8")

    assert alone.status_code == 200
    assert alone.content == beside.content


def test_families_that_cannot_match_give_an_empty_list(client: TestClient) -> None:
    page = client.get("/sa-contexts?localSubnet=10.0.0.0/8&remoteSubnet=2001:db8::/32")

    assert (page.status_code, page.json()["items"]) == (200, [])


def test_max_age_decides_whether_the_engine_is_read(
    client: TestClient, simulator: Simulator
) -> None:
    def refreshes() -> int:
        return simulator.calls("IPsecSaContextCreateEnumHandle0")

    client.get("/sa-contexts?maxAge=0")
    before = refreshes()
    old = client.get("/sa-contexts?maxAge=3600").json()["snapshot"]
    assert refreshes() == before
    new = client.get("/sa-contexts?maxAge=0").json()["snapshot"]

    assert refreshes() == before + 1
    assert new["revision"] == old["revision"] + 1


def test_one_context_is_read_from_the_engine_now(client: TestClient, simulator: Simulator) -> None:
    listed = client.get("/sa-contexts?limit=1000").json()["items"]
    for item in listed:
        assert client.get(f"/sa-contexts/{item['saContextId']}").json() == item

    simulator.delete(int(listed[0]["saContextId"]))
    gone = client.get(f"/sa-contexts/{listed[0]['saContextId']}")

    assert (gone.status_code, gone.json()["code"]) == (404, "sa_context_not_found")


def test_an_id_above_2_to_53_is_unharmed(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=60)
    large = max(simulator.ids())

    assert large > 2**53
    assert client.get(f"/sa-contexts/{large}").json()["saContextId"] == str(large)


def test_a_half_built_context_is_listed(client: TestClient, simulator: Simulator) -> None:
    simulator.churn(200)

    items = client.get("/sa-contexts?limit=1000&maxAge=0").json()["items"]

    assert any(item["outboundSa"] is None for item in items)


def test_without_ikeext_there_are_none_and_the_list_says_why(
    client: TestClient, simulator: Simulator
) -> None:
    known = simulator.ids()[0]
    simulator.fail("IPsecSaContextCreateEnumHandle0", 0x80320044, times=0)
    simulator.fail("IPsecSaContextGetById1", 0x80320044, times=0)

    page = client.get("/sa-contexts?maxAge=0")

    assert page.status_code == 200
    assert (content_of(page)["items"], content_of(page)["ikeext"]) == ([], "not_running")
    SaContextPage.model_validate_json(page.content)
    assert client.get(f"/sa-contexts/{known}").status_code == 404
    simulator.clear_failures()
    assert "ikeext" not in content_of(client.get("/sa-contexts?maxAge=0"))


@pytest.mark.parametrize("limit", ["", "limit=7", "limit=1000", "limit=999999999"])
def test_the_order_of_the_parameters_makes_no_difference(client: TestClient, limit: str) -> None:
    """The plainest request for a page takes a path of its own."""
    cursor = f"cursor={content_of(client.get('/sa-contexts?limit=3'))['nextCursor']}"
    foreign = CursorKey().write(Cursor("0123456789ab", 1, 1, SaContextSelection()))
    for one, status in ((cursor, 200), (f"cursor={foreign}", 410), ("cursor=x", 400)):
        plain = client.get("/sa-contexts?" + "&".join(filter(None, (one, limit))))
        other = client.get("/sa-contexts?" + "&".join(filter(None, (limit, "", one, "view=full"))))

        assert (plain.status_code, other.status_code) == (status, status)
        if status == 200:
            assert other.content == plain.content
            assert other.links == plain.links
        else:
            assert other.json() == plain.json()


@pytest.mark.parametrize("limit", ["limit=0", "limit=01", "limit=x", "limit=2&limit=2"])
def test_a_limit_is_looked_at_beside_a_cursor_too(client: TestClient, limit: str) -> None:
    cursor = content_of(client.get("/sa-contexts?limit=3"))["nextCursor"]

    response = client.get(f"/sa-contexts?cursor={cursor}&{limit}")

    assert response.status_code == (200 if limit == "limit=01" else 422)

"""Lists and the summary are not sent again while they are the same."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from tests.conftest import Serve


NDJSON = {"accept": "application/x-ndjson"}
FILTERS = ["", "weakness=any", "cipher=gcm_aes_256&trafficType=tunnel", "keyModule=ikev2", "spi=1"]


@pytest.fixture
def many(serve: Serve) -> TestClient:
    return serve(contexts=300)


def items_of(response: Any) -> list[Any]:
    items: list[Any] = response.json()["items"]
    return items


@pytest.mark.parametrize("path", ["/sa-contexts", "/ike-sas", "/sa-contexts/summary"])
def test_unchanged_list_is_not_sent_again_after_a_refresh(many: TestClient, path: str) -> None:
    query = f"{path}?maxAge=0"
    first, second = many.get(query), many.get(query)
    etag = first.headers["etag"]

    assert first.json()["snapshot"] != second.json()["snapshot"]
    assert second.headers["etag"] == etag
    assert etag.startswith('W/"')
    assert first.headers["cache-control"] == "no-cache"
    for method in ("GET", "HEAD"):
        for known in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
            same = many.request(method, query, headers={"if-none-match": known})
            assert (same.status_code, same.content) == (304, b"")
            assert {k: same.headers[k] for k in ("etag", "cache-control", "vary")} == {
                k: first.headers[k] for k in ("etag", "cache-control", "vary")
            }
            assert not {"content-type", "content-length", "link"} & same.headers.keys()
    other = many.get(query, headers={"if-none-match": 'W/"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("changes", [1, 3, 40])
def test_etag_of_a_list_changes_exactly_with_its_items(
    many: TestClient, simulator: Simulator, changes: int
) -> None:
    """The ETag of the first page covers all pages."""

    def lists() -> dict[str, tuple[str, list[Any]]]:
        found = {}
        for query in FILTERS:
            first = many.get(f"/sa-contexts?limit=3&maxAge=0&{query}")
            everything = many.get(f"/sa-contexts?limit=1000&{query}")
            found[query] = first.headers["etag"], items_of(everything)
        return found

    before = lists()
    for _ in range(4):
        simulator.churn(changes)
        after = lists()
        for query in FILTERS:
            is_same = before[query][1] == after[query][1]
            assert (before[query][0] == after[query][0]) == is_same, query
        before = after


def test_each_representation_has_its_own_etag(many: TestClient) -> None:
    etags = [
        many.get(f"/sa-contexts?{query}", headers=headers).headers["etag"]
        for query in ("", "view=basic", "view=summary", "limit=5", "weakness=any")
        for headers in ({}, NDJSON)
        if not ("limit" in query and headers)
    ]

    assert len(set(etags)) == len(etags) == 9


def test_compressed_list_has_the_same_etag(many: TestClient) -> None:
    plain, compressed = (
        many.get("/sa-contexts?maxAge=60", headers={"accept-encoding": coding})
        for coding in ("identity", "gzip")
    )

    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.headers["etag"] == plain.headers["etag"]
    assert compressed.headers["vary"] == "Accept, Accept-Encoding"
    headers = {"if-none-match": plain.headers["etag"], "accept-encoding": "gzip"}
    same = many.get("/sa-contexts?maxAge=60", headers=headers)
    assert (same.status_code, same.headers["vary"]) == (304, plain.headers["vary"])
    assert "content-encoding" not in same.headers


def test_export_is_not_sent_again_while_it_is_the_same(
    many: TestClient, simulator: Simulator
) -> None:
    path = "/sa-contexts?maxAge=0&view=summary"
    first = many.get(path, headers=NDJSON)
    known = {**NDJSON, "if-none-match": first.headers["etag"]}

    same = many.get(path, headers=known)
    simulator.churn(50)
    changed = many.get(path, headers=known)

    assert (same.status_code, same.content) == (304, b"")
    assert first.headers["cache-control"] == "no-cache"
    assert orjson.loads(changed.content.splitlines()[-1])["end"] is True
    assert changed.headers["etag"] != first.headers["etag"]


def test_page_at_a_cursor_has_no_etag(many: TestClient) -> None:
    cursor = many.get("/sa-contexts?limit=10").json()["nextCursor"]

    page = many.get(f"/sa-contexts?cursor={cursor}", headers={"if-none-match": "*"})

    assert page.status_code == 200
    assert "etag" not in page.headers
    assert page.headers["cache-control"] == "no-store"


def test_304_leases_no_snapshot(many: TestClient, simulator: Simulator) -> None:
    leases = many.app.state.service.store.leases  # type: ignore[attr-defined]  # any ASGI application
    query = "/sa-contexts?limit=10&maxAge=0"
    etag = many.get(query).headers["etag"]
    before = len(leases)

    for _ in range(3):
        assert many.get(query, headers={"if-none-match": etag}).status_code == 304

    assert len(leases) == before == 1
    simulator.churn(10)
    assert many.get(query, headers={"if-none-match": etag}).status_code == 200
    assert len(leases) == 2


def test_another_run_of_the_server_has_other_etags(serve: Serve) -> None:
    etags = [serve(contexts=20).get("/sa-contexts").headers["etag"] for _ in range(2)]

    assert etags[0] != etags[1]


def test_summary_of_other_peers_has_another_etag(many: TestClient) -> None:
    one, two = (many.get(f"/sa-contexts/summary?peers={n}").headers["etag"] for n in (1, 2))

    assert one != two

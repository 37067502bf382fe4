"""The promises to clients, seen from outside: nothing but HTTP and the published document."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.documented import assert_documented


LISTS = {
    "/sa-contexts": "saContextId",
    "/ike-sas": "saId",
    "/connections": "connectionId",
}
"""Each list, and what its items are known by."""


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/sa-contexts", 7), *((path, limit) for path in LISTS for limit in (50, 100, 1000))],
)
def test_a_walk_is_complete_ordered_and_repeatable(
    http: httpx2.Client, path: str, limit: int
) -> None:
    page = http.get(path, params={"limit": limit})
    snapshot, ids = page.json()["snapshot"], []
    while True:
        content = page.json()
        assert content["snapshot"] == snapshot
        ids += [int(item[LISTS[path]]) for item in content["items"]]
        assert ("nextCursor" in content) == ("next" in page.links)
        if "next" not in page.links:
            break
        assert len(content["items"]) == limit
        url = str(page.request.url.join(page.links["next"]["url"]))
        page = http.get(url)
        assert http.get(url).content == page.content

    assert all(one < next_ for one, next_ in pairwise(ids))
    assert len(ids) > 100


@pytest.mark.parametrize("path", LISTS)
def test_pages_and_items_are_as_documented(
    http: httpx2.Client, document: dict[str, Any], path: str
) -> None:
    page = http.get(path, params={"limit": 1000})
    assert_documented(document, page, path)

    found = 0
    for item in page.json()["items"][:25]:
        one = http.get(f"{path}/{item[LISTS[path]]}")
        assert_documented(document, one, f"{path}/{{{LISTS[path]}}}")
        if one.status_code == 200:
            assert one.json()[LISTS[path]] == item[LISTS[path]]
            found += 1
    assert found > 0


@pytest.mark.parametrize(
    ("url", "path", "status"),
    [
        ("/sa-contexts/0", "/sa-contexts/{saContextId}", 404),
        ("/sa-contexts/x", "/sa-contexts/{saContextId}", 422),
        ("/sa-contexts?limit=0", "/sa-contexts", 422),
        ("/sa-contexts?cursor=x", "/sa-contexts", 400),
        ("/ike-sas/0", "/ike-sas/{saId}", 404),
        ("/connections/0", "/connections/{connectionId}", 404),
        ("/connections?cursor=x", "/connections", 400),
        ("/filters/0", "/filters/{filterId}", 404),
        ("/statistics/ipsec", "/statistics/ipsec", 200),
        ("/statistics/ike", "/statistics/ike", 200),
        ("/net-events?since=x", "/net-events", 422),
        ("/engine", "/engine", 200),
        ("/health/live", "/health/live", 200),
        ("/health/ready", "/health/ready", 200),
        ("/problems/cursor_expired", "/problems/{code}", 200),
        ("/problems/none", "/problems/{code}", 404),
    ],
)
def test_other_answers_are_as_documented(
    http: httpx2.Client, document: dict[str, Any], url: str, path: str, status: int
) -> None:
    response = http.get(url)

    assert response.status_code == status
    assert_documented(document, response, path)


def test_the_engine_is_the_simulator_and_says_so(http: httpx2.Client) -> None:
    assert http.get("/engine").json()["kind"] == "simulator"
    assert http.get("/sa-contexts").json()["snapshot"]["engine"] == "simulator"


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for name, value in node.items():
                if name == "$ref":
                    yield value
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    targets = set(references(document))
    assert targets
    for target in targets:
        found: Any = document
        for part in target.removeprefix("#/").split("/"):
            found = found[part]


def test_metrics_are_as_prometheus_reads_them(http: httpx2.Client) -> None:
    text = http.get("/metrics").text

    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["wfp_up"] == 1
    assert samples["wfp_sa_contexts"] > 100
    assert samples["sa_contexts_refresh_contexts_total"] > 100
    assert samples["process_resident_memory_bytes"] > 10 << 20
    assert samples["process_cpu_seconds_total"] > 0
    assert 0 < time.time() - samples["process_start_time_seconds"] < 24 * 3600


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_not_http_is_refused_with_a_problem(base_url: str, request_: bytes) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request_)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert b'"code":"bad_request"' in body


def test_the_server_answers_when_clients_leave_in_the_middle(
    http: httpx2.Client, base_url: str
) -> None:
    address = urlsplit(base_url)
    for _ in range(50):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(
                b"GET /sa-contexts?limit=1000&maxAge=0 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )

    assert http.get("/sa-contexts?limit=1").status_code == 200
    assert http.get("/engine").json()["ready"] is True

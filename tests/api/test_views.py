"""The view `summary` on lists, exports, items and events shows what the full view shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.resources.sa_contexts.event_schema import SummarizedSaContextEvent
from app.resources.sa_contexts.summarized_schema import (
    SummarizedSaContext,
    SummarizedSaContextPage,
)
from tests.api.live import Live
from tests.api.test_problems import assert_problem
from tests.conftest import Serve
from tests.repository.test_filters import is_named
from tests.resources.test_sa_context_routes import walk
from tests.resources.test_views import summarized


@pytest.fixture
def many(serve: Serve) -> TestClient:
    return serve(contexts=300)


@pytest.fixture
def live(simulator: Simulator) -> Iterator[Live]:
    with Live(simulated_contexts=30) as live:
        yield live
    assert simulator.open_handles() == 0


def everything(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/sa-contexts?limit=1000&{query}").json()["items"]
    return items


@pytest.mark.parametrize("query", ["", "trafficType=tunnel&weakness=any"])
def test_summaries_are_those_of_the_full_list(many: TestClient, query: str) -> None:
    expected = [summarized(item) for item in everything(many, query)]

    filters = dict(part.split("=") for part in query.split("&") if part)
    pages = list(walk(many, limit=37, view="summary", **filters))
    export = many.get(
        f"/sa-contexts?view=summary&{query}", headers={"accept": "application/x-ndjson"}
    )

    assert [item for page in pages for item in page.json()["items"]] == expected
    assert [orjson.loads(line) for line in export.content.splitlines()[:-1]] == expected
    for page in pages:
        SummarizedSaContextPage.model_validate_json(page.content)


def test_item_has_views(many: TestClient) -> None:
    full = everything(many)[7]
    path = f"/sa-contexts/{full['saContextId']}"

    summary, basic = (many.get(f"{path}?view={view}") for view in ("summary", "basic"))

    SummarizedSaContext.model_validate_json(summary.content)
    assert summary.json() == summarized(full)
    assert "ipsecId" not in basic.text
    assert many.get(f"{path}?view=full").json() == many.get(path).json() == full
    etags = {many.get(f"{path}{query}").headers["etag"] for query in ("", "?view=summary")}
    assert len(etags) == 2
    for query in ("view=none", "limit=1", "view=full&view=basic"):
        assert_problem(many.get(f"{path}?{query}"), 422, "invalid_parameters")


def test_events_have_the_view_of_their_stream(live: Live) -> None:
    full = live.client.get("/sa-contexts?limit=1000").json()["items"]

    with live.stream("?initial=true&view=summary") as stream:
        events = [stream.next() for _ in full]

    for event, item in zip(events, full, strict=True):
        SummarizedSaContextEvent.model_validate(event.data)
        assert event.data["saContext"] == summarized(item)


@pytest.mark.parametrize("name", ["principalName", "ruleName"])
def test_contexts_are_found_by_names(many: TestClient, name: str) -> None:
    """Compared with all contexts: an SA has the name of a machine, of a user, and of a rule."""
    items = everything(many)

    def names_of(item: dict[str, Any]) -> set[str]:
        sas = [sa for sa in (item["inboundSa"], item["outboundSa"]) if sa]
        found = {sa["ruleName"] for sa in sas}
        if name == "principalName":
            identities = [sa["saBundle"]["ipsecId"] or {} for sa in sas]
            found = {i.get(n) for i in identities for n in ("mmTargetName", "emTargetName")}
        return found - {None}

    some = sorted({each for item in items for each in names_of(item)})[::17]
    for pattern in [
        *some,
        *map(str.upper, some),
        *(each[:6] + "*" for each in some),
        "*",
        "nobody",
    ]:
        found = many.get("/sa-contexts", params={name: pattern, "limit": "1000"}).json()["items"]
        assert found == [
            item for item in items if any(is_named(each, pattern) for each in names_of(item))
        ], pattern


def test_contexts_behind_nat_are_found_by_their_port(many: TestClient) -> None:
    behind = [item for item in everything(many, "view=summary") if item["remoteUdpEncapPort"]]
    port = behind[0]["remoteUdpEncapPort"]

    for text in (f"{port}", f"{port:#x}"):
        found = everything(many, f"view=summary&udpPort={text}")
        assert found == [
            item
            for item in behind
            if port in {item["localUdpEncapPort"], item["remoteUdpEncapPort"]}
        ]
    assert everything(many, "udpPort=1") == []


def test_any_weakness_is_each_of_them(many: TestClient) -> None:
    weak = [item for item in everything(many, "view=summary") if item["weaknesses"]]

    assert everything(many, "view=summary&weakness=any") == weak
    assert many.get("/sa-contexts/summary").json()["withWeakness"] == len(weak)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("principalName=", "principalName"),
        ("principalName=" + "a" * 257, "principalName"),
        ("principalName=a%0ab", "principalName"),
        ("&".join(["ruleName=" + "a" * 256] * 5), "ruleName"),
        ("udpPort=65536", "udpPort"),
        ("keyModule=ikev3", "keyModule"),
    ],
)
def test_bad_values_of_new_filters_are_named(
    client: TestClient, query: str, parameter: str
) -> None:
    problem = assert_problem(client.get(f"/sa-contexts?{query}"), 422, "invalid_parameters")

    assert {error["parameter"] for error in problem["errors"]} == {parameter}


def test_longest_filters_on_names_can_be_paged(many: TestClient) -> None:
    names = ["*", *("ä" * 255 for _ in range(3)), '"' * 250]
    params: dict[str, Any] = {"principalName": names, "ruleName": names, "limit": "1"}
    cursor = many.get("/sa-contexts", params=params).json()["nextCursor"]

    page = many.get("/sa-contexts", params={"cursor": cursor, "limit": "1"})

    assert len(page.json()["items"]) == 1

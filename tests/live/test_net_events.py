"""Net events, listed and streamed, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2

from tests.live.documented import assert_documented, assert_of_shape
from tests.live.stream import stream
from tests.sse import Event


STREAM = "/net-events/events"


def failures(events: Iterator[Event]) -> Iterator[Event]:
    return (event for event in events if event.kind == "net_event")


def test_what_fails_is_reported_listed_and_explained(
    http: httpx2.Client, document: dict[str, Any]
) -> None:
    with stream(http, STREAM) as events:
        reported = failures(events)
        first, second = next(reported), next(reported)

    with stream(http, STREAM, after=first.event_id) as events:
        assert next(failures(events)) == second

    page = http.get("/net-events", params={"limit": 1000})
    assert_documented(document, page, "/net-events")
    assert (page.json()["subscription"], page.json()["collection"]) == ("active", "enabled")
    kept = {item["id"]: item for item in page.json()["items"]}
    for event in (first, second):
        assert_of_shape(document, event.data, "NetEvent")
        assert kept[str(event.event_id)] == event.data
        assert event.data["error"]["explanation"]

    same = {"type": second.data["type"], "since": first.event_id, "limit": 1000}
    items = http.get("/net-events", params=same).json()["items"]
    assert second.data in items
    assert first.data not in items
    assert {item["type"] for item in items} == {second.data["type"]}

"""Events of SA contexts, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.live.documented import assert_of_shape
from tests.live.stream import stream
from tests.mirror import Mirror
from tests.sse import Event


EVENTS = "/sa-contexts/events"
CHANGES = {"added": "SaContextEvent", "modified": "SaContextEvent", "deleted": "SaContextDeleted"}


def changes(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events about a context."""
    return (event for event in events if event.kind in CHANGES)


def listed(http: httpx2.Client, max_age: int) -> dict[str, Any]:
    page: dict[str, Any] = http.get(f"/sa-contexts?limit=1000&maxAge={max_age}").json()
    assert "nextCursor" not in page
    return page


def test_a_stream_and_a_list_show_the_same(http: httpx2.Client, document: dict[str, Any]) -> None:
    mirror = Mirror(wants_initial=True)
    mirror.connect()
    with stream(http, f"{EVENTS}?initial=true") as events:
        for event in events:
            mirror.take(event)
            if event.kind == "snapshot_end":
                break
        assert len(mirror.contents) > 100

        page = listed(http, max_age=0)
        snapshot = page["snapshot"]
        assert event.data["epoch"] == snapshot["epoch"]
        for event in events:
            assert_of_shape(document, event.data, CHANGES.get(event.kind, "StreamPosition"))
            if event.data["revision"] > snapshot["revision"]:
                break
            mirror.take(event)

    assert mirror.contents == {int(item["saContextId"]): item for item in page["items"]}


def test_changes_are_announced(http: httpx2.Client) -> None:
    assert http.get("/engine").json()["changes"] == "announced"

    with stream(http, EVENTS) as events:
        while True:
            snapshot = listed(http, max_age=3600)["snapshot"]
            change = next(each for each in changes(events))
            is_newer = change.data["revision"] > snapshot["revision"]
            if is_newer and listed(http, max_age=3600)["snapshot"] == snapshot:
                return  # it arrived before the next refresh


@pytest.mark.parametrize("view", ["basic", "full"])
def test_a_returning_client_receives_the_same(http: httpx2.Client, view: str) -> None:
    url = f"{EVENTS}?view={view}"
    with stream(http, url) as events:
        first, *rest = [event for event, _ in zip(changes(events), range(4), strict=False)]

    with stream(http, url, after=first.event_id) as events:
        again = [event for event, _ in zip(changes(events), rest, strict=False)]

    assert again == rest

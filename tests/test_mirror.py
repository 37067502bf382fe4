"""A mirror notices each possible fault in the events."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from tests.mirror import Mirror
from tests.sse import Event, Parser


EPOCH, OTHER = "0123456789ab", "ba9876543210"


def changed(kind: str, number: int, place: str | None, value: int = 0, **data: Any) -> Event:
    revision = int(place.partition(".")[0]) if place else 1
    what: dict[str, Any] = {"saContext": {"saContextId": str(number), "value": value}}
    if kind == "deleted":
        what = {"saContextId": str(number)}
    event_id = None if place is None else f"{EPOCH}-{place}"
    return Event(kind, {"revision": revision, **what, **data}, event_id, "")


def at(kind: str, revision: int, *, epoch: str = EPOCH, has_id: bool = True) -> Event:
    event_id = f"{epoch}-{revision}" if has_id else None
    return Event(kind, {"epoch": epoch, "revision": revision}, event_id, "")


END = Event("reconnect", {"time": "2026-11-29T19:00:00Z"}, None, "")


def begun() -> Mirror:
    """Return a mirror of contexts 1 and 2, as of revision 5."""
    mirror = Mirror(wants_initial=True)
    mirror.connect()
    for number in (1, 2):
        mirror.take(changed("added", number, None))
    mirror.take(at("snapshot_end", 1))
    mirror.take(changed("modified", 1, "5", value=1))
    return mirror


def listed() -> Mirror:
    """Return the same mirror, made from a list."""
    mirror = Mirror(wants_initial=False)
    mirror.show(EPOCH, 5, {1: {"saContextId": "1", "value": 1}, 2: {"saContextId": "2"}})
    mirror.connect()
    return mirror


GOOD = {
    "added": [changed("added", 3, "6")],
    "parts": [changed("added", 3, "6.1"), changed("deleted", 1, "6.2"), changed("added", 1, "6")],
    "bookmark": [at("bookmark", 9), changed("deleted", 2, "10"), END],
    "modified": [changed("modified", 1, "6", value=2)],
}
BAD = {
    "added twice": [changed("added", 1, "6")],
    "deleted and not there": [changed("deleted", 3, "6")],
    "modified and not there": [changed("modified", 3, "6")],
    "modified and the same": [changed("modified", 1, "6", value=1)],
    "an older revision": [changed("added", 3, "4")],
    "the same place": [changed("added", 3, "5")],
    "parts not in order": [changed("added", 3, "6.2"), changed("added", 4, "6.1")],
    "another revision than its id's": [changed("added", 3, "6", revision=7)],
    "no id": [changed("added", 3, None)],
    "another epoch": [at("bookmark", 9, epoch=OTHER)],
    "no id of this server": [Event("bookmark", {"epoch": "e", "revision": 9}, "e-9", "")],
    "an end of nothing": [at("snapshot_end", 9)],
    "after the end": [END, changed("added", 3, "6")],
    "a bookmark of elsewhere": [Event("bookmark", at("bookmark", 8).data, f"{EPOCH}-9", "")],
    "an unknown kind": [Event("renamed", {}, None, "")],
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_may_come_is_taken(name: str) -> None:
    for mirror in (begun(), listed()):
        for event in GOOD[name]:
            mirror.take(event)


@pytest.mark.parametrize("name", BAD)
def test_what_may_not_come_is_seen(name: str) -> None:
    for mirror in (begun(), listed()):
        *before, last = BAD[name]
        for event in before:
            mirror.take(event)
        with pytest.raises(AssertionError):
            mirror.take(last)


def test_what_a_list_shows_is_not_taken_again() -> None:
    mirror = Mirror(wants_initial=False)
    mirror.connect()
    mirror.take(at("bookmark", 2))
    mirror.show(EPOCH, 5, {1: {"saContextId": "1", "value": 7}})
    mirror.take(changed("added", 1, "4"))
    mirror.take(changed("deleted", 9, "5"))
    mirror.take(changed("modified", 1, "6", value=8))

    assert mirror.contents == {1: {"saContextId": "1", "value": 8}}
    assert mirror.last_id == f"{EPOCH}-6"


def test_a_list_is_known_further_than_the_stream_has_sent() -> None:
    mirror = listed()
    mirror.take(at("reset", 6))
    assert mirror.place == (EPOCH, 6, inf)
    mirror.show(EPOCH, 9, {})

    assert mirror.place == (EPOCH, 9, inf)
    assert mirror.last_id == f"{EPOCH}-6"


def test_what_is_being_sent_again_is_known_nowhere() -> None:
    mirror = begun()
    places = [mirror.place]
    for event in (at("reset", 6, has_id=False), at("snapshot_end", 6)):
        mirror.take(event)
        places.append(mirror.place)

    assert places == [(EPOCH, 5, inf), None, (EPOCH, 6, inf)]


def test_a_reset_ends_what_was_known() -> None:
    for has_id, mirror in ((False, begun()), (True, listed())):
        mirror.take(at("reset", 3, epoch=OTHER, has_id=has_id))
        assert mirror.contents == {}
        assert mirror.needs_list == has_id
        with pytest.raises(AssertionError):
            mirror.take(changed("deleted", 1, "9"))
    with pytest.raises(AssertionError):
        begun().take(at("reset", 3))
    with pytest.raises(AssertionError):
        listed().take(at("reset", 3, has_id=False))


@pytest.mark.parametrize(
    "text",
    [
        b"data: {}\n\n",
        b"event: a\n\n",
        b"event: a\ndata: {}\ndata: {}\n\n",
        b"event: a\r\ndata: {}\n\n",
        b"event: a\nname: b\ndata: {}\n\n",
        b"event: a\ndata: {\n\n",
        b"id: 7\n\n",
        b"event: a\nid: \ndata: {}\n\n",
        b"\n",
        b"retry: soon\n\n",
        b"retry: 5\n\n",
        b":\n\n",
    ],
)
def test_what_is_no_event_is_seen(text: bytes) -> None:
    with pytest.raises((AssertionError, ValueError)):
        Parser().feed(text)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_in_any_pieces(size: int) -> None:
    text = b'retry: 5\n:\nevent: a\nid: x-1\ndata: {"b":"\xc3\xa9"}\n\n: c\nevent: d\ndata:1\n\n'
    parser = Parser()
    events = [
        event
        for start in range(0, len(text), size)
        for event in parser.feed(text[start : start + size])
    ]

    assert [(each.kind, each.data, each.event_id) for each in events] == [
        ("a", {"b": "é"}, "x-1"),
        ("d", 1, None),
    ]
    assert (parser.retry_ms, parser.last_event_id, parser.comments) == (5, "x-1", 2)
    assert parser.is_between_events

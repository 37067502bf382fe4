"""Feeds: from every position, the events lead to the selection's current contexts."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repository.changes import feed as feeds_module
from app.repository.changes.feed import EventFeed, EventFeeds
from app.repository.changes.journal import Journal, Position, parse_event_id
from app.repository.snapshot.model import Change
from app.repository.snapshot.state import SnapshotBuild
from app.resources.sa_contexts.encoding import no_alias
from app.resources.sa_contexts.filters import SaContextSelection
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import View
from tests.mirror import Mirror
from tests.repository.states import AT, edition_of, entry
from tests.sse import Event, Parser


EPOCH = "0123456789ab"
KIND = SaContextKind(lambda: no_alias)
EVERYTHING = SaContextSelection()
ON_SUBNET = "10.0.1.0/31"
SELECTIONS = {EVERYTHING: 10, SaContextSelection.parse({"remote_subnet": [ON_SUBNET]}): 2}
"""And how many of the remote addresses each one matches."""

Contexts = dict[int, tuple[int, int | None]]
"""For each context a variable text, and the last byte of its remote address, if any."""

STATES = st.dictionaries(
    st.integers(1, 12),
    st.tuples(st.integers(0, 2), st.none() | st.integers(0, 3)),
    max_size=10,
)


def text_of(number: int, value: int, last: int | None) -> bytes:
    return json.dumps({"saContextId": str(number), "value": value, "last": last}).encode()


def selected(contexts: Contexts, selection: SaContextSelection) -> dict[int, Any]:
    """Return the contexts that a client of the selection should have."""
    return {
        number: json.loads(text_of(number, value, last))
        for number, (value, last) in contexts.items()
        if selection == EVERYTHING or (last is not None and last < SELECTIONS[selection])
    }


def recorded(states: list[Contexts], journal: Journal) -> None:
    """Record the changes from each state to the next; the first is revision 1."""
    edition: SnapshotBuild | None = None
    for contexts in states:
        made = {
            number: entry(text_of(number, value, last), None if last is None else f"10.0.1.{last}")
            for number, (value, last) in contexts.items()
        }
        edition = edition_of(made, epoch=EPOCH, previous=edition)
        if edition.changes is None:
            journal.restart(EPOCH, edition.snapshot.revision)
        else:
            journal.record(edition.snapshot.revision, edition.changes, AT)


def events_after(feed: EventFeed, place: Position) -> list[Event]:
    """Return all events of a feed after a position, batch by batch."""
    parser = Parser()
    events: list[Event] = []
    while True:
        batch = feed.after(EPOCH, place)
        assert batch is not None
        assert batch.position.revision >= place.revision
        was, place = place, batch.position
        if not batch.text and place == was:
            return events
        received = parser.feed(batch.text)
        assert parser.is_between_events
        most = feeds_module.BATCH_BYTES
        assert sum(len(event.text) for event in received[:-1]) < most, "longer than it may be"
        events += received


@given(
    st.lists(STATES, min_size=2, max_size=6),
    st.sampled_from(list(SELECTIONS)),
    st.sampled_from([1, 100, 300, 256 << 10]),
    st.sampled_from([1, 2, 7, 250]),
)
def test_events_from_any_position_lead_to_the_current_state(
    states: list[Contexts], selection: SaContextSelection, batch_bytes: int, max_changes: int
) -> None:
    journal = Journal(10_000, 1 << 20)
    recorded(states, journal)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds_module, "BATCH_BYTES", batch_bytes)
        patch.setattr(feeds_module, "MAX_CHANGES", max_changes)
        feed = EventFeed(journal, KIND, selection, View.FULL)
        events = events_after(feed, Position(1))

        mirror = Mirror(wants_initial=False)
        mirror.show(EPOCH, 1, selected(states[0], selection))
        mirror.connect()
        received = iter([*events, None])
        event = next(received)
        for revision, contexts in enumerate(states[1:], 2):
            while event is not None and event.data["revision"] == revision:
                mirror.take(event)
                event = next(received)
            assert mirror.contents == selected(contexts, selection)
        assert event is None

        for number, event in enumerate(events):
            found = parse_event_id(event.event_id or "")
            assert found is not None
            again = events_after(EventFeed(journal, KIND, selection, View.FULL), found[1])
            assert again == events[number + 1 :]
        for revision in range(1, len(states) + 1):
            rest = events_after(feed, Position(revision))
            assert rest == [event for event in events if event.data["revision"] > revision]


@given(st.lists(STATES, min_size=3, max_size=8), st.integers(0, 15))
def test_expired_changes_are_not_sent_in_part(states: list[Contexts], most: int) -> None:
    whole, short = Journal(10_000, 1 << 20), Journal(most, 1 << 20)
    recorded(states, whole)
    recorded(states, short)
    whole_feed, short_feed = (
        EventFeed(journal, KIND, EVERYTHING, View.FULL) for journal in (whole, short)
    )
    sizes = {
        revision: len(revision_changes(whole, revision)) for revision in range(2, len(states) + 1)
    }
    kept = len(states)
    while kept > 1 and sum(sizes[each] for each in range(kept, len(states) + 1)) <= most:
        kept -= 1
    for revision in range(1, len(states) + 1):
        for taken in (None, *range(1, sizes.get(revision, 0))):
            place = Position(revision, taken)
            is_kept = revision >= kept if taken is None else revision > kept
            if is_kept:
                assert events_after(short_feed, place) == events_after(whole_feed, place)
            else:
                assert short_feed.after(EPOCH, place) is None


def revision_changes(journal: Journal, revision: int) -> tuple[Change, ...]:
    found = journal.changes_after(EPOCH, Position(revision - 1))
    assert found is not None
    return next((each.changes for each in found if each.number == revision), ())


def test_what_is_not_of_this_epoch_or_still_to_come_is_not_known() -> None:
    journal = Journal(100, 1 << 20)
    recorded([{1: (0, 0)}, {2: (0, 0)}], journal)
    feed = EventFeed(journal, KIND, EVERYTHING, View.FULL)

    assert feed.after("ba9876543210", Position(1)) is None
    assert feed.after(EPOCH, Position(3)) is None
    assert feed.after(EPOCH, Position(0)) is None
    assert feed.after(EPOCH, Position(1)) is not None


def test_a_batch_is_made_once_for_all_at_a_place() -> None:
    journal = Journal(100, 1 << 20)
    recorded([{1: (0, 0)}, {1: (1, 0), 2: (0, 0)}], journal)
    feeds = EventFeeds(journal, KIND)
    feed = feeds.get(EVERYTHING, View.FULL)

    first = feed.after(EPOCH, Position(1))
    assert first is feeds.get(EVERYTHING, View.FULL).after(EPOCH, Position(1))
    journal.record(3, ())
    second = feed.after(EPOCH, Position(1))
    assert second is not None
    assert first is not None
    assert (second.text, second.position) == (first.text, Position(3))
    assert feeds.get(EVERYTHING, View.BASIC) is not feed


def test_a_place_in_a_revision_still_to_come_is_not_known() -> None:
    journal = Journal(100, 1 << 20)
    recorded([{1: (0, 0)}, {2: (0, 0)}], journal)

    assert EventFeed(journal, KIND, EVERYTHING, View.FULL).after(EPOCH, Position(3, 7)) is None


def test_a_feed_keeps_little_of_a_long_journal() -> None:
    """A client far behind receives everything, of which the first batches are not kept."""
    journal = Journal(100_000, 64 << 20)
    recorded([{1: (value, 0)} for value in range(200)], journal)
    feed = EventFeed(journal, KIND, EVERYTHING, View.FULL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds_module, "MAX_CHANGES", 10)
        made = {}
        place = Position(1)
        while place != Position(200):
            made[place] = batch = feed.after(EPOCH, place)
            assert batch is not None
            place = batch.position
        assert len(made) == 20
        first, *_, last = made

        assert feed.after(EPOCH, last) is made[last]
        assert feed.after(EPOCH, first) is not made[first]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0123456789ab-7", ("0123456789ab", Position(7))),
        ("e-7.12", ("e", Position(7, 12))),
        ("e-0", ("e", Position(0))),
    ],
)
def test_an_id_is_read_as_it_is_written(text: str, place: tuple[str, Position]) -> None:
    assert parse_event_id(text) == place
    assert place[1].event_id(place[0]) == text


@pytest.mark.parametrize(
    "text",
    ["", "-", "e", "e-", "-7", "E-7", "e-7.", "e-7.1.1", "e-\u0667", "e-7\n", " e-7", "e--7"],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert parse_event_id(text) is None


def test_ids_ascend_within_a_revision_of_many_changes() -> None:
    journal = Journal(100, 1 << 20)
    recorded([{}, dict.fromkeys(range(1, 12), (0, 0))], journal)

    events = events_after(EventFeed(journal, KIND, EVERYTHING, View.FULL), Position(1))

    ids = [event.event_id for event in events]
    assert ids == [*(f"{EPOCH}-2.{taken}" for taken in range(1, 11)), f"{EPOCH}-2"]
    assert all(one != other for one, other in pairwise(ids))

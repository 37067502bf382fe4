"""Snapshots, the changes between them, and the journal of the changes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.repository.changes.journal import Journal, Position
from app.repository.query.filters import Selection
from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.model import Item, Snapshot
from app.repository.snapshot.state import CurrentState
from app.resources.sa_contexts.counts import SaContextCounts, counts_of
from app.resources.sa_contexts.filters import SaContextSelection
from tests.repository.states import AT, STATES, State, edition_of, entry, mark, state_of


@given(STATES, st.randoms())
def test_a_version_is_in_ascending_order_and_knows_its_size(
    state: State, random: st.DataObject
) -> None:
    order = list(state)
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis' own Random
    version = edition_of(state, order=order).snapshot

    assert list(version.ids) == sorted(state)
    assert state_of(version) == state
    assert version.blocks.size == sum(len(entry.json) for entry in state.values())


@given(st.lists(STATES, min_size=2, max_size=6))
def test_replaying_the_differences_gives_each_state(states: list[State]) -> None:
    edition = edition_of(states[0])
    assert edition.changes is None
    replayed = dict(states[0])
    for number, state in enumerate(states[1:], start=2):
        edition = edition_of(state, previous=edition)
        for change in edition.changes or ():
            if change.item is None:
                assert change.kind == "deleted"
                del replayed[change.object_id]
            else:
                expected = "modified" if change.object_id in replayed else "added"
                assert change.kind == expected
                replayed[change.object_id] = change.item

        assert replayed == state
        assert edition.snapshot.revision == number
        assert state_of(edition.snapshot) == state


@given(STATES)
def test_what_did_not_change_is_shared(state: State) -> None:
    first = edition_of(state)
    copies = {
        i: Item(bytes(bytearray(e.index_key)), bytes(bytearray(e.json))) for i, e in state.items()
    }

    second = edition_of(copies, previous=first)

    assert second.changes == ()
    assert second.snapshot.blocks is first.snapshot.blocks
    assert second.snapshot.index_keys is first.snapshot.index_keys


@given(st.lists(STATES, min_size=1, max_size=6), st.randoms())
def test_marks_leave_out_what_did_not_change_and_give_the_same(
    states: list[State], random: st.DataObject
) -> None:
    with_marks, without, before = None, None, State()
    for state in states:
        order = list(state)
        random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis' own Random
        decoded: list[int] = []
        with_marks = edition_of(state, previous=with_marks, order=order, decoded=decoded)
        without = edition_of(state, previous=without, order=order)

        assert sorted(decoded) == sorted(i for i in state if before.get(i) != state[i])
        assert state_of(with_marks.snapshot) == state_of(without.snapshot) == state
        assert with_marks.snapshot.ids == without.snapshot.ids
        assert with_marks.changes == without.changes
        assert (
            with_marks.fingerprints
            == without.fingerprints
            == b"".join(mark(state[i]) for i in sorted(state))
        )
        assert vars(with_marks.counts) == vars(without.counts)
        before = state


def test_a_new_mark_of_the_same_entry_is_what_the_next_refresh_compares_with() -> None:
    same = entry(b"{}")
    first = edition_of({1: same, 2: same})
    assembly = SnapshotBuilder("e", AT, 0.0, counts=SaContextCounts(), previous=CurrentState(first))
    assert assembly.reuse(2, mark(same))
    other = mark(entry(b"{ }"))
    assert not assembly.reuse(1, other)
    assembly.add(1, other, same)

    second = assembly.build()

    assert second.changes == ()
    assert second.snapshot.blocks is first.snapshot.blocks
    assert second.fingerprints == other + mark(same)


def test_many_contexts_come_in_any_order() -> None:
    ids = [number * 7919 % 20_011 for number in range(1, 20_011)]
    body = entry(b"{}")

    version = edition_of(dict.fromkeys(ids, body)).snapshot

    assert ids != sorted(ids)
    assert list(version.ids) == sorted(ids)


def test_of_a_context_that_comes_twice_the_first_is_taken() -> None:
    assembly = SnapshotBuilder("e", AT, 0.0, counts=SaContextCounts())
    for body in (b"first", b"second"):
        assembly.add(5, mark(entry(body)), entry(body))
    assert assembly.reuse(5, mark(entry(b"third")))

    edition = assembly.build()

    assert state_of(edition.snapshot) == {5: entry(b"first")}
    assert counts_of(edition.counts).contexts == 1


def test_more_changes_than_anybody_keeps_are_none() -> None:
    first = edition_of({})
    assembly = SnapshotBuilder(
        "e", AT, 0.0, counts=SaContextCounts(), previous=CurrentState(first), max_change_bytes=100
    )
    for number in range(20):
        assembly.add(number, mark(entry(b"x" * 10)), entry(b"x" * 10))

    edition = assembly.build()

    assert edition.changes is None
    assert edition.snapshot.revision == 2
    assert len(edition.snapshot.ids) == 20


@given(STATES, st.integers(0, 25))
def test_a_version_that_is_not_complete_has_its_first_contexts(state: State, count: int) -> None:
    ids = sorted(state)
    assembly = SnapshotBuilder("e", AT, 0.0, counts=SaContextCounts())
    for number in ids[:count]:
        assembly.add(number, mark(state[number]), state[number])

    incomplete = assembly.partial(ids)

    for number in ids[count:]:
        assembly.add(number, mark(state[number]), state[number])
    version = assembly.build().snapshot
    assert not incomplete.is_complete
    assert version.is_complete
    limit = min(count, len(ids))
    everything = SaContextSelection()
    assert _page(incomplete, everything, None, limit) == _page(version, everything, None, limit)
    assert state_of(version) == state


def _page(
    version: Snapshot, selection: Selection, after: int | None, limit: int
) -> tuple[bytes, int | None]:
    positions, last = version.page(version.positions_of(selection), after, limit)
    return b"".join(version.blocks.pieces(positions)), last


@given(
    STATES,
    st.integers(1, 30),
    st.lists(st.integers(0, 5), max_size=3),
    st.none() | st.integers(0, 2**64 - 1),
)
def test_selecting_page_by_page_gives_what_matches_once(
    state: State, limit: int, wanted: list[int], after: int | None
) -> None:
    version = edition_of(state).snapshot
    selection = SaContextSelection.parse({"remote_subnet": [f"10.0.1.{n}" for n in wanted]})
    keys = {entry(b"", f"10.0.1.{n}").index_key for n in wanted}
    expected = [
        state[i].json
        for i in sorted(state)
        if (after is None or i > after) and (not wanted or state[i].index_key in keys)
    ]

    found = b""
    while True:
        texts, after = _page(version, selection, after, limit)
        found += texts
        if after is None:
            break

    assert found == b"".join(b"," + body for body in expected)


@given(st.lists(STATES, min_size=2, max_size=10), st.integers(0, 40), st.integers(0, 200))
def test_the_journal_knows_all_or_says_that_it_does_not(
    states: list[State], max_changes: int, max_bytes: int
) -> None:
    journal = Journal(max_changes, max_bytes)
    edition = edition_of(states[0])
    journal.restart("e", 1)
    history = {1: states[0]}
    for state in states[1:]:
        edition = edition_of(state, previous=edition)
        journal.record(edition.snapshot.revision, edition.changes or ())
        history[edition.snapshot.revision] = state

    version = edition.snapshot
    assert journal.changes <= max_changes
    assert journal.bytes <= max_bytes
    assert journal.changes_after("another", Position(1)) is None
    assert journal.changes_after("e", Position(version.revision + 1)) is None
    assert journal.changes_after("e", Position(version.revision)) == []
    for revision, state in history.items():
        differences = journal.changes_after("e", Position(revision))
        if differences is None:
            continue
        replayed = dict(state)
        for difference in differences:
            for change in difference.changes:
                if change.item is None:
                    del replayed[change.object_id]
                else:
                    replayed[change.object_id] = change.item
        assert replayed == states[-1]


def test_a_journal_begins_anew_with_an_epoch() -> None:
    journal = Journal(100, 1000)
    first = edition_of({1: entry(b"{}")})
    journal.restart("e", 1)
    second = edition_of({}, previous=first)
    journal.record(2, second.changes or ())
    assert journal.changes == 1

    journal.restart("f", 1)

    assert journal.changes == journal.bytes == 0
    assert journal.changes_after("e", Position(1)) is None
    assert journal.changes_after("f", Position(1)) == []


@given(st.lists(STATES, min_size=2, max_size=5), st.data())
def test_content_revision_changes_exactly_with_the_contents(
    states: list[State], data: st.DataObject
) -> None:
    editions = [edition_of(states[0])]
    for state in states[1:]:
        now = data.draw(st.sampled_from([state, state_of(editions[-1].snapshot)]))
        editions.append(edition_of(now, previous=editions[-1], decoded=[]))

    for before, after in pairwise(edition.snapshot for edition in editions):
        is_same = state_of(before) == state_of(after)
        assert (before.content_revision == after.content_revision) == is_same
        assert after.revision > before.revision
        everything = range(len(after.ids))
        if is_same:
            assert after.digest_of(everything) == before.digest_of(everything)

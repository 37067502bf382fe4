"""The state between refreshes: point refreshes, and full refreshes that follow them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.model import Change
from app.repository.snapshot.state import CurrentState, Override, PointRead
from app.resources.sa_contexts.counts import SaContextCounts
from tests.repository.states import AT, STATES, State, edition_of, entry, mark, state_of


def look(state: State, sa_context_id: int) -> PointRead:
    """Return the point read of one context of a state."""
    found = state.get(sa_context_id)
    return PointRead(None if found is None else Override(mark(found), found))


def replay(state: State, changes: tuple[Change, ...]) -> None:
    """Apply changes to a state; each must be possible."""
    for change in changes:
        known = state.pop(change.object_id, None)
        assert (change.old_index_key is None) == (known is None)
        assert change.old_index_key is None or change.old_index_key == (known and known.index_key)
        assert change.kind == (
            "deleted" if change.item is None else "added" if known is None else "modified"
        )
        assert change.item != known
        if change.item is not None:
            state[change.object_id] = change.item


@given(st.lists(st.tuples(STATES, st.booleans()), min_size=1, max_size=6), st.randoms())
def test_point_and_full_refreshes_agree_on_the_state(
    steps: list[tuple[State, bool]], random: st.DataObject
) -> None:
    contents = CurrentState(edition_of({}))
    replayed = State()
    for state, is_refresh in steps:
        before, marked = contents.revision, contents
        order = list(state)
        random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis' own Random
        if is_refresh:
            assembly = SnapshotBuilder("e", AT, 0.0, counts=SaContextCounts(), previous=contents)
            for number in order:
                if not assembly.reuse(number, mark(state[number])):
                    assembly.add(number, mark(state[number]), state[number])
            edition = assembly.build()
            contents = CurrentState(edition)
            changes = edition.changes or ()
            assert contents.revision == before + 1
            assert state_of(edition.snapshot) == state
            assert list(edition.snapshot.ids) == sorted(state)
        else:
            asked = {*order[: len(order) // 2], *list(replayed)[::2]}
            looks = {number: look(state, number) for number in asked}
            changes = contents.changes_of(looks)
            contents.apply(changes, looks)
            assert contents.revision == before + bool(changes)
        replay(replayed, changes)
        assert replayed == {
            number: found
            for number in {*replayed, *state, *marked.overrides}
            if (found := contents.item(number)) is not None
        }
        counted = SaContextCounts()
        for found in replayed.values():
            counted.add(found.index_key)
        assert vars(contents.counts) == vars(counted)
        if is_refresh:
            assert replayed == state


def test_a_refresh_that_finds_what_was_seen_shares_nothing_stale() -> None:
    first = edition_of({1: entry(b"{}"), 2: entry(b"{}")})
    contents = CurrentState(first)
    looks = {1: look({1: entry(b'{"a":1}')}, 1), 2: PointRead(None)}
    contents.apply(contents.changes_of(looks), looks)

    assembly = SnapshotBuilder("e", AT, 0.0, counts=SaContextCounts(), previous=contents)
    assert assembly.reuse(1, mark(entry(b'{"a":1}')))
    edition = assembly.build()

    assert edition.changes == ()
    assert state_of(edition.snapshot) == {1: entry(b'{"a":1}')}
    assert edition.snapshot.revision == 3

"""What is known between drains: looks at single contexts, and drains that follow on them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.repository.snapshot.builder import Assembly
from app.repository.snapshot.model import Change
from app.repository.snapshot.state import Contents, Look, Patch
from app.resources.sa_contexts.counts import SaContextCounts
from tests.repository.states import AT, STATES, State, edition_of, entry, mark, state_of


def look(state: State, sa_context_id: int) -> Look:
    """What a look at one context of a state shows."""
    found = state.get(sa_context_id)
    return Look(None if found is None else Patch(mark(found), found))


def replay(state: State, changes: tuple[Change, ...]) -> None:
    """Change a state as it is told; each change must be one of what is there."""
    for change in changes:
        known = state.pop(change.object_id, None)
        assert (change.before is None) == (known is None)
        assert change.before is None or change.before == (known and known.key)
        assert change.kind == (
            "deleted" if change.entry is None else "added" if known is None else "modified"
        )
        assert change.entry != known
        if change.entry is not None:
            state[change.object_id] = change.entry


@given(st.lists(st.tuples(STATES, st.booleans()), min_size=1, max_size=6), st.randoms())
def test_that_looks_and_drains_tell_together_what_there_is(
    steps: list[tuple[State, bool]], random: st.DataObject
) -> None:
    contents = Contents(edition_of({}))
    replayed = State()
    for state, is_drain in steps:
        before, marked = contents.revision, contents
        order = list(state)
        random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis' own Random
        if is_drain:
            assembly = Assembly("e", AT, 0.0, counts=SaContextCounts(), previous=contents)
            for number in order:
                if not assembly.keep(number, mark(state[number])):
                    assembly.put(number, mark(state[number]), state[number])
            edition = assembly.finish()
            contents = Contents(edition)
            changes = edition.changes or ()
            assert contents.revision == before + 1
            assert state_of(edition.version) == state
            assert list(edition.version.ids) == sorted(state)
        else:
            asked = {*order[: len(order) // 2], *list(replayed)[::2]}
            changes = contents.take({number: look(state, number) for number in asked})
            assert contents.revision == before + bool(changes)
        replay(replayed, changes)
        assert replayed == {
            number: found
            for number in {*replayed, *state, *marked.patches}
            if (found := contents.entry(number)) is not None
        }
        counted = SaContextCounts()
        for found in replayed.values():
            counted.add(found.key)
        assert vars(contents.counts) == vars(counted)
        if is_drain:
            assert replayed == state


def test_that_a_drain_that_finds_what_was_seen_shares_nothing_stale() -> None:
    first = edition_of({1: entry(b"{}"), 2: entry(b"{}")})
    contents = Contents(first)
    contents.take({1: look({1: entry(b'{"a":1}')}, 1), 2: Look(None)})

    assembly = Assembly("e", AT, 0.0, counts=SaContextCounts(), previous=contents)
    assert assembly.keep(1, mark(entry(b'{"a":1}')))
    edition = assembly.finish()

    assert edition.changes == ()
    assert state_of(edition.version) == {1: entry(b'{"a":1}')}
    assert edition.version.revision == 3

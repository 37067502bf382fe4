"""Versions, what changed between them, and the journal that keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from app.repository.journal import Journal
from app.repository.selection import EVERYTHING, Selection
from app.repository.versions import Entry, Version, first_version, next_version


AT = datetime(2026, 11, 23, tzinfo=UTC)
LOCAL = ip_address("10.0.0.1").packed
BODIES = st.sampled_from([b"{}", b'{"a":1}', b'{"bb":22}'])
STATES = st.dictionaries(
    st.integers(0, 30) | st.integers(2**63, 2**64 - 1),
    st.builds(
        lambda body, last: Entry(((LOCAL, ip_address(f"10.0.1.{last}").packed),), body),
        BODIES,
        st.integers(0, 5),
    ),
    max_size=25,
)


def version_of(state: dict[int, Entry]) -> Version:
    return first_version("e", state, AT, 0.0)


@given(STATES)
def test_that_a_version_is_in_ascending_order_and_knows_its_size(state: dict[int, Entry]) -> None:
    version = version_of(state)

    assert list(version.ids) == sorted(state)
    assert list(version.entries) == [state[i] for i in sorted(state)]
    assert version.size == sum(len(entry.body) for entry in state.values())


@given(st.lists(STATES, min_size=2, max_size=6))
def test_that_replaying_the_differences_gives_each_state(states: list[dict[int, Entry]]) -> None:
    version = version_of(states[0])
    replayed = dict(states[0])
    for number, state in enumerate(states[1:], start=2):
        before = version
        version, changes = next_version(version, dict(state), AT, 0.0)
        for change in changes:
            if change.entry is None:
                assert change.kind == "deleted"
                del replayed[change.sa_context_id]
            else:
                expected = "modified" if change.sa_context_id in replayed else "added"
                assert change.kind == expected
                replayed[change.sa_context_id] = change.entry

        assert replayed == state
        assert version.revision == number
        assert dict(zip(version.ids, version.entries, strict=True)) == state
        lost = sum(
            len(e.body)
            for i, e in zip(before.ids, before.entries, strict=True)
            if state.get(i) != e
        )
        assert version.retired - before.retired == lost


@given(STATES)
def test_that_what_did_not_change_is_the_same_object(state: dict[int, Entry]) -> None:
    first = version_of(state)
    copies = {i: Entry(tuple(e.endpoints), bytes(bytearray(e.body))) for i, e in state.items()}
    changed = {**copies, 77: Entry((), b"new")}

    second, _ = next_version(first, changed, AT, 0.0)
    third, changes = next_version(first, copies, AT, 0.0)

    for entry in first.entries:
        assert any(entry is other for other in second.entries)
    assert not changes
    assert third.entries is first.entries


@given(
    STATES,
    st.integers(1, 30),
    st.lists(st.integers(0, 5), max_size=3),
    st.none() | st.integers(0, 2**64 - 1),
)
def test_that_selecting_page_by_page_gives_what_matches_once(
    state: dict[int, Entry], limit: int, wanted: list[int], after: int | None
) -> None:
    version = version_of(state)
    selection = Selection(remote_subnets=tuple(ip_network(f"10.0.1.{n}") for n in wanted))
    expected = [
        state[i].body
        for i in sorted(state)
        if after is None or i > after
        if not wanted
        or state[i].endpoints[0][1] in {ip_address(f"10.0.1.{n}").packed for n in wanted}
    ]

    found: list[bytes] = []
    while True:
        texts, after = version.select(selection, after, limit)
        found += texts
        assert len(texts) == limit or after is None
        if after is None:
            break

    assert found == expected


def test_that_an_sa_must_meet_all_that_is_asked_for() -> None:
    v6 = ip_address("2001:db8::1").packed
    endpoints = ((LOCAL, v6), (v6, LOCAL), (None, None))

    assert EVERYTHING.matches(())
    assert Selection((ip_network("10.0.0.0/8"),), (ip_network("2001:db8::/32"),)).matches(endpoints)
    assert not Selection((ip_network("10.0.0.0/8"),), (ip_network("10.0.0.0/8"),)).matches(
        endpoints
    )
    assert Selection((ip_network("192.0.2.0/24"), ip_network("::/0"))).matches(endpoints)
    assert not Selection((ip_network("0.0.0.0/0"),)).matches(((None, None),))


@given(st.lists(STATES, min_size=2, max_size=10), st.integers(0, 40), st.integers(0, 200))
def test_that_the_journal_knows_all_or_says_that_it_does_not(
    states: list[dict[int, Entry]], max_changes: int, max_bytes: int
) -> None:
    journal = Journal(max_changes, max_bytes)
    version = version_of(states[0])
    journal.restart(version)
    history = {1: states[0]}
    for state in states[1:]:
        version, changes = next_version(version, state, AT, 0.0)
        journal.record(version, changes)
        history[version.revision] = state

    assert journal.changes <= max_changes
    assert journal.bytes <= max_bytes
    assert journal.since("another", 1) is None
    assert journal.since("e", version.revision + 1) is None
    assert journal.since("e", version.revision) == []
    for revision, state in history.items():
        differences = journal.since("e", revision)
        if differences is None:
            continue
        replayed = dict(state)
        for difference in differences:
            for change in difference.changes:
                if change.entry is None:
                    del replayed[change.sa_context_id]
                else:
                    replayed[change.sa_context_id] = change.entry
        assert replayed == states[-1]


def test_that_a_journal_begins_anew_with_an_epoch() -> None:
    journal = Journal(100, 1000)
    version = version_of({1: Entry((), b"{}")})
    journal.restart(version)
    version, changes = next_version(version, {}, AT, 0.0)
    journal.record(version, changes)
    assert journal.changes == 1

    journal.restart(first_version("f", {}, AT, 0.0))

    assert journal.changes == journal.bytes == 0
    assert journal.since("e", 1) is None
    assert journal.since("f", 1) == []

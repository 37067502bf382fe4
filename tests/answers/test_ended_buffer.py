"""The list of ended contexts: bounded, newest first, and honest about what it lacks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from app.answers.ended.buffer import EndedBuffer, EndedSelection, RowId
from app.answers.ended.inference import UNKNOWN, Inference
from app.resources.wfp.indexed_names import NameKind, pack_names
from app.schemas.names import EndReason


BEGAN: Final = datetime.now(UTC) + timedelta(days=1)
"""The time of the first row, later than the creation of every buffer."""
REASONS: Final = [EndReason.UNKNOWN, EndReason.IDLE_TIMEOUT, EndReason.LIFETIME_EXPIRED]
NAMES: Final = ["host/web01", "HOST/Web02", "user05@corp.example", "Straße"]
PATTERNS: Final = ["host/*", "HOST/WEB01", "*", "user0", "STRASSE", "user05@CORP.example"]


class Ended(NamedTuple):
    """A context that ends."""

    sa_context_id: int
    reason: EndReason
    last: int
    names: tuple[str, ...]
    size: int


ENDS = st.lists(
    st.builds(
        Ended,
        st.integers(1, 6),
        st.sampled_from(REASONS),
        st.integers(0, 3),
        st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
        st.integers(0, 40),
    ),
    max_size=30,
)


def add(buffer: EndedBuffer, ended: Ended, number: int) -> bytes:
    """Add a context, and return its JSON."""
    about = b'"n":%d,"x":"%b"' % (number, b"x" * ended.size)
    buffer.add(
        ended.sa_context_id,
        BEGAN + timedelta(seconds=number),
        Inference(ended.reason, {}),
        (ip_address(f"10.0.0.{ended.last}").packed,),
        pack_names(NameKind.PRINCIPAL, ended.names),
        about,
    )
    return b'{%b,"endReason":"%b","evidence":{}}' % (about, ended.reason.value.encode())


def is_named(ended: Ended, patterns: list[str]) -> bool:
    """Return whether a name matches, by the words of docs/api.md."""
    return any(
        name.casefold().startswith(pattern[:-1].casefold())
        if pattern.endswith("*")
        else name.casefold() == pattern.casefold()
        for name in ended.names
        for pattern in patterns
    )


@given(
    ends=ENDS,
    max_count=st.integers(1, 12),
    max_bytes=st.integers(60, 900),
    since=st.none() | st.integers(-1, 31),
    reasons=st.sets(st.sampled_from(REASONS)),
    lasts=st.lists(st.integers(0, 3), max_size=2),
    patterns=st.lists(st.sampled_from(PATTERNS), max_size=2),
    limit=st.integers(1, 5),
)
def test_pages_give_the_newest_rows_of_the_selection_once(
    ends: list[Ended],
    max_count: int,
    max_bytes: int,
    since: int | None,
    reasons: set[EndReason],
    lasts: list[int],
    patterns: list[str],
    limit: int,
) -> None:
    buffer = EndedBuffer(max_count, max_bytes)
    texts = [add(buffer, ended, number) for number, ended in enumerate(ends)]

    kept = len(ends)  # the number of the oldest row that both bounds allow
    while kept and len(ends) - kept < max_count and len(b"".join(texts[kept - 1 :])) <= max_bytes:
        kept -= 1
    expected = [
        texts[number]
        for number in reversed(range(kept, len(ends)))
        if (since is None or number >= since)
        and (not reasons or ends[number].reason in reasons)
        and (not lasts or ends[number].last in lasts)
        and (not patterns or is_named(ends[number], patterns))
    ]
    selection = EndedSelection(
        since=None if since is None else BEGAN + timedelta(seconds=since),
        reasons=frozenset(reasons),
        remote_addresses=tuple(ip_address(f"10.0.0.{last}") for last in lasts),
        principal_names=tuple(patterns),
    )
    found: list[bytes] = []
    before: RowId | None = None
    while True:
        page = buffer.select(replace(selection, before=before), limit)
        found += [row.json for row in page.rows]
        assert len(page.rows) <= limit
        assert page.missed == (since is not None and kept > max(0, since))
        before = page.next_cursor
        if before is None:
            break
    assert found == expected
    assert len(buffer) == len(ends) - kept
    assert buffer.bytes == len(b"".join(texts[kept:]))


def test_a_context_turns_out_as_rekeyed() -> None:
    buffer = EndedBuffer(10, 10_000)
    add(buffer, Ended(5, EndReason.UNKNOWN, 1, (), 0), 0)
    add(buffer, Ended(6, EndReason.UNKNOWN, 1, (), 0), 1)

    rekeyed = Inference(EndReason.REKEYED, {"replacedBy": "9"})
    assert buffer.amend(5, rekeyed) is EndReason.UNKNOWN
    assert buffer.amend(7, rekeyed) is None

    [row] = buffer.select(EndedSelection(reasons=frozenset([EndReason.REKEYED])), 9).rows
    assert row.json == b'{"n":0,"x":"","endReason":"rekeyed","evidence":{"replacedBy":"9"}}'
    assert buffer.bytes == sum(len(row.json) for row in buffer.select(EndedSelection(), 9).rows)


def test_ids_of_an_earlier_run_of_the_engine_are_not_amended() -> None:
    buffer = EndedBuffer(10, 10_000)
    add(buffer, Ended(5, EndReason.UNKNOWN, 1, (), 0), 0)
    buffer.begin_epoch()

    assert buffer.amend(5, UNKNOWN) is None


def test_evicted_rows_leave_nothing_behind() -> None:
    buffer = EndedBuffer(3, 10_000)
    for number in range(1000):
        add(buffer, Ended(number, EndReason.UNKNOWN, 1, (), 0), number)

    assert (len(buffer), len(buffer._numbers), len(buffer._rows)) == (3, 3, 3)  # noqa: SLF001  # its memory


def test_a_cursor_of_another_process_is_reported() -> None:
    buffer = EndedBuffer(3, 10_000)
    add(buffer, Ended(1, EndReason.UNKNOWN, 1, (), 0), 0)

    page = buffer.select(EndedSelection(before=RowId("0" * 12, 7)), 5)

    assert (page.rows, page.next_cursor, page.missed) == ([], None, True)
    assert not buffer.select(EndedSelection(), 5).missed


def test_what_ended_before_the_start_is_reported_as_missed() -> None:
    buffer = EndedBuffer(3, 10_000)

    assert buffer.select(EndedSelection(since=datetime.now(UTC) - timedelta(hours=1)), 5).missed
    assert not buffer.select(EndedSelection(since=datetime.now(UTC)), 5).missed

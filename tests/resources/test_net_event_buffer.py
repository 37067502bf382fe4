"""The buffer of net events: the newest that fit, each once, for any request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.net_events.buffer import EventId, NetEventBuffer, NetEventSelection
from app.resources.net_events.names import NetEventType
from bindings.net_event import KernelDrop, NetEvent


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEGINNING = datetime(1601, 1, 1, tzinfo=UTC)
PEERS = ["10.0.0.1", "10.0.1.7", "2001:db8::1", None]
TYPES = {4: NetEventType.IPSEC_KERNEL_DROP, 77: NetEventType.UNKNOWN}


def event(number: int, *, peer: str | None = None, type_: int = 4, time: int = 0) -> NetEvent:
    packed = None if peer is None else ip_address(peer).packed
    drop = KernelDrop(number, 1, 0, 0, 0) if type_ == 4 else None
    return NetEvent(type_, time, 0, None, None, packed, None, None, None, drop)


def ring_of(*events: NetEvent, count: int = 1000, size: int = 1 << 30) -> NetEventBuffer:
    ring = NetEventBuffer(count, size, now=lambda: NOW)
    for each in events:
        ring.add(each)
    return ring


def numbers(ring: NetEventBuffer, limit: int = 1000, **selection: object) -> list[int]:
    found = ring.select(NetEventSelection(**selection), limit)  # type: ignore[arg-type]
    return [each.number for each in found.events]


kinds = st.tuples(st.sampled_from(PEERS), st.sampled_from(sorted(TYPES)))


@given(
    kept=st.lists(kinds, max_size=60),
    count=st.integers(1, 40),
    limit=st.integers(1, 20),
    peers=st.lists(
        st.sampled_from(["10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::/0"]), max_size=2
    ),
    types=st.frozensets(st.sampled_from(sorted(TYPES.values())), max_size=2),
    since=st.none() | st.integers(0, 70),
)
def test_pages_give_what_matches_and_is_held_once_the_newest_first(
    kept: list[tuple[str | None, int]],
    count: int,
    limit: int,
    peers: list[str],
    types: frozenset[NetEventType],
    since: int | None,
) -> None:
    ring = ring_of(*(event(i, peer=p, type_=t) for i, (p, t) in enumerate(kept)), count=count)
    networks = tuple(ip_network(peer) for peer in peers)
    after = None if since is None else EventId(ring.epoch, since)

    seen: list[int] = []
    before = None
    while True:
        found = ring.select(NetEventSelection(after, before, types, networks), limit)
        seen += [each.number for each in found.events]
        assert len(found.events) <= limit
        before = found.next_cursor
        if before is None:
            break
        assert len(found.events) == limit

    def matches(peer: str | None, type_: int) -> bool:
        on_subnet = peer is not None and any(ip_address(peer) in each for each in networks)
        return (not networks or on_subnet) and (not types or TYPES[type_] in types)

    expected = [
        number
        for number, (peer, type_) in enumerate(kept, 1)
        if number > len(kept) - count and matches(peer, type_) and number > (since or 0)
    ]
    assert seen == expected[::-1]


@given(
    sizes=st.lists(st.integers(0, 40), max_size=60),
    count=st.integers(1, 30),
    size=st.integers(1, 20_000),
)
def test_count_and_bytes_are_bounded(sizes: list[int], count: int, size: int) -> None:
    ring = NetEventBuffer(count, size, now=lambda: NOW)
    for number, _ in enumerate(sizes):
        ring.add(event(number))
        held = ring.select(NetEventSelection(), 1000).events
        assert len(ring) == len(held) <= count
        assert ring.bytes == sum(len(each.json) for each in held) <= size


def test_ids_name_the_run_and_go_up() -> None:
    ring, other = ring_of(event(1), event(2)), ring_of()

    texts = [orjson.loads(each.json) for each in ring.select(NetEventSelection(), 10).events]

    assert [text["id"] for text in texts] == [f"{ring.epoch}-2", f"{ring.epoch}-1"]
    assert ring.newest == EventId(ring.epoch, 2)
    assert other.newest.number == 0
    assert ring.epoch != other.epoch


def test_new_events_do_not_move_a_walk() -> None:
    ring = ring_of(*map(event, range(10)))
    first = ring.select(NetEventSelection(), 4)
    ring.add(event(10))

    assert numbers(ring, 4, before=first.next_cursor) == [6, 5, 4, 3]


@pytest.mark.parametrize(("since", "missed"), [(0, True), (4, True), (5, False), (10, False)])
def test_a_gap_after_an_event_is_reported(since: int, missed: bool) -> None:
    ring = ring_of(*map(event, range(10)), count=5)  # 6 to 10 are kept

    found = ring.select(NetEventSelection(EventId(ring.epoch, since)), 100)

    assert found.missed is missed


def filetime(time: datetime) -> int:
    """100 ns since 1601 (FILETIME, minwinbase.h)."""
    return (time - BEGINNING) // timedelta(microseconds=1) * 10


@given(
    hours=st.lists(st.integers(1, 9), max_size=20),
    count=st.integers(1, 10),
    since=st.integers(-1, 11),
)
def test_only_evicted_events_count_as_missed(hours: list[int], count: int, since: int) -> None:
    times = [NOW + timedelta(hours=hour) for hour in hours]
    ring = ring_of(*(event(0, time=filetime(time)) for time in times), count=count)
    asked = NOW + timedelta(hours=since)

    found = ring.select(NetEventSelection(asked), 100)

    assert found.missed is any(time >= asked for time in times[:-count])
    assert not ring.has_gap_after(datetime.max.replace(tzinfo=UTC))


def test_what_was_skipped_may_have_happened_until_now() -> None:
    ring = ring_of(event(1))
    ring.skip(3)
    ring.add(event(5))

    missed = [ring.has_gap_after(EventId(ring.epoch, number)) for number in range(6)]
    assert missed == [True, True, True, True, False, False]
    assert ring.has_gap_after(NOW)
    assert not ring.has_gap_after(NOW + timedelta(seconds=1))


def test_what_was_skipped_until_a_time_is_missed_only_before_it() -> None:
    ring = ring_of()
    ring.skip(3, NOW - timedelta(hours=1))

    assert ring.newest.number == 3
    assert ring.has_gap_after(EventId(ring.epoch, 2))
    assert ring.has_gap_after(NOW - timedelta(hours=1))
    assert not ring.has_gap_after(NOW)


def test_another_run_gives_all_that_is_held_and_says_so() -> None:
    ring = ring_of(event(1), event(2))

    found = ring.select(NetEventSelection(EventId("0123456789ab", 40)), 100)

    assert [each.number for each in found.events] == [2, 1]
    assert found.missed


def test_a_time_is_a_lower_bound_wherever_an_event_stands() -> None:
    hours = [3, 1, 2]
    times = [filetime(NOW + timedelta(hours=h)) for h in hours]
    ring = ring_of(*(event(i, time=time) for i, time in enumerate(times)), event(3))

    assert numbers(ring, since=NOW + timedelta(hours=2)) == [3, 1]
    assert numbers(ring, since=NOW) == [4, 3, 2, 1]  # one has only the time of its arrival
    assert numbers(ring, since=NOW + timedelta(hours=4)) == []


def test_numbers_that_were_skipped_are_not_given() -> None:
    ring = ring_of(event(1))
    ring.skip(3)
    ring.add(event(5))

    assert numbers(ring) == [5, 1]

"""How a watcher starts, resumes and starts again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest
from sa_contexts_simulator import Simulator

from app.repository.changes import feed as feeds_module
from app.repository.changes import watcher as watch_module
from app.repository.changes.feed import EventFeeds
from app.repository.changes.journal import parse_event_id
from app.repository.changes.watcher import Watcher
from app.repository.query.match_cache import MatchCache
from app.repository.refresh import reader as reading_module
from app.repository.snapshot.leases import TooManySnapshots
from app.repository.store import Store
from app.resources.sa_contexts.counts import counts_of
from app.resources.sa_contexts.filters import SaContextSelection
from app.schemas.names import View
from bindings.errors import EngineError
from bindings.library import Library
from tests.repository.callers import calling
from tests.repository.stores import Gate, running_store, until
from tests.sse import Event, Parser


pytestmark = pytest.mark.anyio

EVERYTHING = SaContextSelection()
NOTHING = SaContextSelection.parse({"remote_address": ["203.0.113.1"]})


def watch_of(
    store: Store,
    after: str | None = None,
    *,
    is_initial: bool = False,
    selection: SaContextSelection = EVERYTHING,
) -> Watcher:
    return Watcher(
        store,
        EventFeeds(store.journal, store.kind).get(selection, View.FULL),
        MatchCache(),
        after=None if after is None else parse_event_id(after),
        is_initial=is_initial,
    )


def events(*texts: bytes | None) -> list[Event]:
    parser = Parser()
    found = [event for text in texts for event in parser.feed(text or b"")]
    assert parser.is_between_events
    return found


def position_of(event: Event) -> dict[str, Any]:
    """Return the position in an event, which must have the time at which it was made."""
    position: dict[str, Any] = {**event.data}
    age = datetime.now(UTC) - datetime.fromisoformat(position.pop("time"))
    assert timedelta() <= age < timedelta(minutes=1)
    return position


def kinds(*texts: bytes | None) -> list[str]:
    return [event.kind for event in events(*texts)]


async def rest(watch: Watcher) -> list[Event]:
    """Return all events available now."""
    found: list[Event] = []
    while (text := await watch.next_batch()) is not None:
        found += events(text)
    return found


async def test_a_new_client_learns_its_position(library: Library, simulator: Simulator) -> None:
    simulator.populate(5)
    async with running_store(library) as store:
        watch = watch_of(store)
        await watch.begin()
        [mark] = events(watch.bookmark())

        assert store.current is not None
        here = {"epoch": store.current.epoch, "revision": 1}
        assert (mark.kind, position_of(mark), mark.event_id) == (
            "bookmark",
            here,
            f"{here['epoch']}-1",
        )
        assert watch.bookmark() is None
        assert await watch.next_batch() is None
        gone = simulator.ids()[0]
        simulator.delete(gone)
        await store.snapshot_at_most(0)
        [event] = await rest(watch)
        assert (event.kind, event.data["saContextId"]) == ("deleted", str(gone))


async def test_initial_items_come_first_and_then_their_position(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(20)
    monkeypatch.setattr(watch_module, "BATCH_BYTES", 20_000)
    async with running_store(library) as store:
        watch = watch_of(store, is_initial=True)
        await watch.begin()
        assert watch.bookmark() is None
        before = [await watch.next_batch(), await watch.next_batch()]
        simulator.churn(20)
        await store.snapshot_at_most(0)
        assert len(store.leases) == 1  # of the initial items
        assert watch.bookmark() is None
        received = [*events(*before), *await rest(watch)]

        assert store.current is not None
        end = [event.kind for event in received].index("snapshot_end")
        assert [event.kind for event in received[:end]] == ["added"] * 20
        assert {event.event_id for event in received[:end]} == {None}
        assert {event.data["revision"] for event in received[:end]} == {1}
        assert received[end].event_id == f"{store.current.epoch}-1"
        assert len(received) > end + 1
        assert all(event.data["revision"] > 1 for event in received[end + 1 :])
        assert len(store.leases) == 0


async def test_one_who_leaves_amid_the_beginning_holds_nothing(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    async with running_store(library) as store:
        watch = watch_of(store, is_initial=True)
        await watch.begin()
        assert len(store.leases) == 1
        watch.close()

        assert len(store.leases) == 0


async def test_a_returning_client_is_not_sent_everything_again(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(0)
        watch = watch_of(store, f"{version.epoch}-{version.revision}", is_initial=True)
        await watch.begin()

        assert await watch.next_batch() is None
        assert watch.bookmark() is None


@pytest.mark.parametrize("is_initial", [False, True])
@pytest.mark.parametrize("after", ["0123456789ab-1", "{epoch}-0", "{epoch}-3", "{epoch}-1.1"])
async def test_one_whose_place_is_not_known_begins_anew(
    library: Library, simulator: Simulator, after: str, is_initial: bool
) -> None:
    simulator.populate(5)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(0)
        watch = watch_of(store, after.format(epoch=version.epoch), is_initial=is_initial)
        await watch.begin()
        assert watch.bookmark() is None
        received = await rest(watch)

        here = {"epoch": version.epoch, "revision": version.revision}
        assert received[0].kind == "reset"
        assert position_of(received[0]) == here
        if is_initial:
            assert [event.kind for event in received[1:]] == [*["added"] * 5, "snapshot_end"]
            assert [event.event_id for event in received[:6]] == [None] * 6
            assert position_of(received[6]) == here
        else:
            assert received[1:] == []
            assert received[0].event_id == f"{version.epoch}-{version.revision}"
        assert watch.bookmark() is None


async def test_a_reset_is_followed_by_what_a_list_may_not_show(
    library: Library, simulator: Simulator
) -> None:
    """A list may show the newest snapshot, which is older than later notifications."""
    simulator.populate(5)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(0)
        gone = simulator.ids()[0]
        simulator.delete(gone)
        await until(lambda: store.journal.newest > version.revision)
        watch = watch_of(store, "0123456789ab-1")
        await watch.begin()
        [reset, deleted] = await rest(watch)

        assert store.current is version
        assert reset.data["revision"] == version.revision
        assert (deleted.kind, deleted.data["saContextId"]) == ("deleted", str(gone))


async def test_a_bookmark_leads_over_what_does_not_matter(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    async with running_store(library, max_journal_changes=1) as store:
        version = await store.snapshot_at_most(0)
        watch = watch_of(store, f"{version.epoch}-{version.revision}", selection=NOTHING)
        await watch.begin()
        simulator.delete(simulator.ids()[0])
        await store.snapshot_at_most(0)
        assert await watch.next_batch() is None
        [mark] = events(watch.bookmark())
        simulator.delete(simulator.ids()[0])
        await store.snapshot_at_most(0)
        simulator.flush()

        again = watch_of(store, mark.event_id, selection=NOTHING)
        await again.begin()
        assert await again.next_batch() is None
        late = watch_of(store, f"{version.epoch}-{version.revision}", selection=NOTHING)
        await late.begin()
        assert kinds(await late.next_batch()) == ["reset"]


async def test_a_list_that_was_announced_can_be_watched_from(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A regression: its pending revision was taken for one that never existed."""
    simulator.populate(30)
    monkeypatch.setattr(reading_module, "FIRST_PAGE", 1)
    gate = Gate(monkeypatch)
    async with running_store(library) as store:
        await store.snapshot_at_most(3600)
        gate.close()
        announced = await store.snapshot_at_most(0, may_be_partial=True)
        assert not announced.is_complete
        watch = watch_of(store, f"{announced.epoch}-{announced.revision}")
        await watch.begin()
        assert await watch.next_batch() is None
        gate.open()
        with anyio.fail_after(10):
            await store.notifier.wait(watch)
            assert await watch.next_batch() is None
            simulator.delete(simulator.ids()[0])
            await store.notifier.wait(watch)
            assert kinds(await watch.next_batch()) == ["deleted"]


async def test_a_reset_that_needs_a_refresh_comes_with_it(
    library: Library, simulator: Simulator
) -> None:
    """A regression: without a change in the refresh, waiters were not notified."""
    simulator.populate(30)
    async with running_store(library, max_journal_changes=1) as store:
        version = await store.snapshot_at_most(3600)
        for number in simulator.ids()[:5]:
            simulator.delete(number)
        await until(
            lambda: store.state is not None and counts_of(store.state.counts).contexts == 25
        )
        assert store.current is version
        watch = watch_of(store, f"{version.epoch}-{version.revision}")
        await watch.begin()
        with anyio.fail_after(10):
            while (text := await watch.next_batch()) is None:
                await store.notifier.wait(watch)

        [reset] = events(text)
        assert reset.kind == "reset"
        assert store.current is not version
        assert store.current is not None
        assert reset.data["revision"] == store.current.revision


async def test_a_client_that_cannot_begin_is_rejected(
    library: Library, simulator: Simulator
) -> None:
    simulator.stop_engine()
    async with running_store(library) as store:
        with pytest.raises(EngineError):
            await watch_of(store).begin()


async def test_one_who_comes_again_waits_for_the_engine(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    simulator.stop_engine()
    async with running_store(library) as store:
        watch = watch_of(store, "0123456789ab-7")
        await watch.begin()
        assert await watch.next_batch() is None
        simulator.start_engine()
        version = await store.snapshot_at_most(0)

        [reset] = await rest(watch)
        assert reset.kind == "reset"
        assert position_of(reset) == {"epoch": version.epoch, "revision": version.revision}


async def test_no_more_is_held_than_may_be(library: Library, simulator: Simulator) -> None:
    simulator.populate(5)
    async with running_store(library, max_snapshots=1) as store:
        first = watch_of(store, is_initial=True)
        await first.begin()
        simulator.churn(5)
        await store.snapshot_at_most(0)
        with pytest.raises(TooManySnapshots):
            await watch_of(store, is_initial=True).begin()
        foreign = watch_of(store, "0123456789ab-7", is_initial=True)
        await foreign.begin()
        assert await foreign.next_batch() is None
        first.close()
        received = await rest(foreign)

        assert received[0].kind == "reset"
        assert received[-1].kind == "snapshot_end"
        assert len(store.leases) == 0


async def test_a_stream_whose_initial_snapshot_is_evicted_begins_again(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(20)
    monkeypatch.setattr(watch_module, "BATCH_BYTES", 20_000)
    async with running_store(library, max_snapshots=2) as store:
        watch = watch_of(store, is_initial=True)
        await watch.begin()
        assert kinds(await watch.next_batch()) == ["added"] * 4
        simulator.churn(20)
        second = await store.snapshot_at_most(0)
        with store.leases.pin(second):
            simulator.churn(20)
            third = await store.snapshot_at_most(0)
            with calling("other"), store.leases.pin(third):
                assert len(store.leases) == 2
                assert watch.bookmark() is None
                received = await rest(watch)

        assert received[0].kind == "reset"
        assert received[0].data["revision"] == third.revision
        assert [event.kind for event in received[1:]] == ["added"] * len(third.ids) + [
            "snapshot_end"
        ]
        assert len(store.leases) == 0


async def test_clients_that_catch_up_do_so_in_small_steps_one_at_a_time(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise clients whose filters match nothing would keep all others waiting."""
    step, revisions = 5, 60
    monkeypatch.setattr(feeds_module, "MAX_CHANGES", step)
    simulator.populate(revisions + 1)
    async with running_store(library) as store:
        first = await store.snapshot_at_most(0)
        for object_id in simulator.ids()[:revisions]:
            simulator.delete(object_id)
            await store.snapshot_at_most(0)
        feeds = EventFeeds(store.journal, store.kind)
        watches = [
            Watcher(
                store,
                feeds.get(SaContextSelection.parse({"remote_address": [peer]}), View.FULL),
                MatchCache(),
                after=parse_event_id(f"{first.epoch}-{first.revision}"),
            )
            for peer in ("203.0.113.1", "203.0.113.2", "203.0.113.3")
        ]
        begun = watches[0].lag
        assert [watch.lag for watch in watches] == [begun] * len(watches)
        seen: list[tuple[int, ...]] = []  # at each iteration of the event loop

        async def look() -> None:
            while not seen or any(seen[-1]):
                seen.append(tuple(watch.lag for watch in watches))
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            for watch in watches:
                await watch.begin()
                tasks.start_soon(watch.next_batch)
            tasks.start_soon(look)

    assert begun >= revisions
    for before, after in pairwise([(begun,) * len(watches), *seen]):
        # A deletion makes a revision, and so does the refresh after it.
        assert sum(before) - sum(after) <= 2 * step
    for lags in seen:
        assert sum(0 < lag < begun for lag in lags) <= 1


async def test_events_agree_with_lists(library: Library, simulator: Simulator) -> None:
    simulator.populate(20)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(0)
        watch = watch_of(store, is_initial=True)
        await watch.begin()

        added = [event.data["saContext"] for event in (await rest(watch))[:-1]]

        assert added == [orjson.loads(version.blocks[at]) for at in range(20)]

"""Lists over a real engine library: how they begin and continue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event

import anyio
import anyio.lowlevel
import orjson
import pytest
from sa_contexts_simulator import Simulator

from app.repository.limits import StoreLimits
from app.repository.query.filters import Selection
from app.repository.query.match_cache import MAX_ENTRIES
from app.repository.query.paginator import Page, Paginator, SnapshotExpired
from app.repository.refresh.reader import FIRST_PAGE, EngineReader
from app.repository.snapshot.model import Snapshot
from app.repository.store import EngineTimedOut, Store
from app.resources.sa_contexts.encoding import no_alias
from app.resources.sa_contexts.filters import SaContextSelection
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import View
from bindings.engine import Engine
from bindings.library import Library
from bindings.memory import RawTree
from bindings.sa_contexts import SaContextArray


pytestmark = pytest.mark.anyio

LIMITS = StoreLimits(refresh_min_interval_seconds=0, refresh_interval_seconds=3600)


def no_aliases() -> Callable[[int], None]:
    return no_alias


async def test_walks_over_an_engine_that_does_not_change_are_never_refused(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    with Engine(library) as engine:
        limits = replace(LIMITS, max_snapshots=1)
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), limits)
        lists = Paginator(store)
        async with store.running():
            pages = [
                await lists.first_page(SaContextSelection(), View.FULL, 1, 0.0) for _ in range(20)
            ]

    assert len({page.snapshot.revision for page in pages}) == 20
    assert len(store.leases) == 20


async def test_a_walk_outlives_the_export_that_it_shares_its_snapshot_with(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        lists = Paginator(store)
        async with store.running():
            async with lists.open_export(SaContextSelection(), 60.0):
                first = await lists.first_page(SaContextSelection(), View.FULL, 2, 60.0)
            assert first.next_cursor is not None

            second = await lists.page_at(lists.read_cursor(first.next_cursor), 2)

    assert second.snapshot is first.snapshot


class HeldBack:
    """Blocks the reading of all contexts but the first until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
        self.may_go_on = Event()
        self.failure: Exception | None = None
        taken = 0
        read = SaContextArray.read

        def held_back(array: SaContextArray, index: int) -> RawTree:
            nonlocal taken
            taken += 1
            if taken > first:
                assert self.may_go_on.wait(20)
                if self.failure is not None:
                    raise self.failure
            return read(array, index)

        monkeypatch.setattr(SaContextArray, "read", held_back)


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldBack]:
    held_back = HeldBack(monkeypatch, FIRST_PAGE)
    yield held_back
    held_back.may_go_on.set()


async def test_a_list_begins_before_all_contexts_are_decoded(
    library: Library, simulator: Simulator, held_back: HeldBack
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        lists = Paginator(store)
        async with store.running():
            first = await lists.first_page(SaContextSelection(), View.FULL, 400, 0.0)
            shown = b"".join(first.pieces)
            assert first.length == len(shown)
            assert not first.snapshot.is_complete
            assert first.next_cursor is not None
            cursor = lists.read_cursor(first.next_cursor)
            pages: list[Page] = []

            async def ask() -> None:
                pages.append(await lists.page_at(cursor, 1000))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                assert not pages
                held_back.may_go_on.set()

    whole = pages[0].snapshot
    assert whole.is_complete
    assert (whole.epoch, whole.revision) == (first.snapshot.epoch, first.snapshot.revision)
    assert list(whole.ids) == simulator.ids() == list(first.snapshot.ids)
    assert b"".join(whole.blocks.pieces(range(400))) == shown
    texts = b"".join([shown, *pages[0].pieces])
    ids = [int(one["saContextId"]) for one in orjson.loads(b"[" + texts[1:] + b"]")]
    assert ids == simulator.ids()[:1400]


async def test_filters_wait_until_all_contexts_are_decoded(
    library: Library, simulator: Simulator, held_back: HeldBack
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    selection = SaContextSelection.parse({"traffic_type": ["tunnel"]})
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        lists = Paginator(store)
        async with store.running():
            pages: list[Page] = []

            async def ask() -> None:
                pages.append(await lists.first_page(selection, View.FULL, 1000, 0.0))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await lists.first_page(SaContextSelection(), View.FULL, 1, 0.0)
                await anyio.wait_all_tasks_blocked()
                assert not pages
                held_back.may_go_on.set()
    assert pages[0].snapshot.is_complete


async def test_a_list_that_began_on_what_failed_is_gone(
    library: Library, simulator: Simulator, held_back: HeldBack
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        lists = Paginator(store)
        async with store.running():
            first = await lists.first_page(SaContextSelection(), View.FULL, 400, 0.0)
            held_back.failure = ZeroDivisionError()
            held_back.may_go_on.set()
            assert first.next_cursor is not None
            cursor = lists.read_cursor(first.next_cursor)
            for _ in range(2):
                with pytest.raises(SnapshotExpired):
                    await lists.page_at(cursor, 1000)
            held_back.failure = None
            later = await store.snapshot_at_most(0)
            assert later.is_complete
            assert later.epoch != first.snapshot.epoch  # or the revision would be used twice
    assert simulator.unfreed_blocks() == 0


async def test_a_list_with_a_short_timeout_asks_to_retry(
    library: Library,
    simulator: Simulator,
    held_back: HeldBack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        lists = Paginator(store)
        async with store.running():
            first = await lists.first_page(SaContextSelection(), View.FULL, 400, 0.0)
            assert first.next_cursor is not None
            monkeypatch.setattr(store, "limits", replace(LIMITS, engine_timeout_seconds=0))
            with pytest.raises(EngineTimedOut):
                await lists.page_at(lists.read_cursor(first.next_cursor), 1000)
            with pytest.raises(EngineTimedOut):
                await store.counts(0)
            held_back.may_go_on.set()


async def test_a_walk_looks_through_all_contexts_once(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(200)
    selection = SaContextSelection.parse({"traffic_type": ["transport"]})
    looked: list[Selection] = []
    matching = Snapshot.positions_of

    def counted(version: Snapshot, selection: Selection) -> Sequence[int]:
        looked.append(selection)
        return matching(version, selection)

    monkeypatch.setattr(Snapshot, "positions_of", counted)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        lists = Paginator(store)
        async with store.running():
            page = await lists.first_page(selection, View.FULL, 10, 0.0)
            while page.next_cursor is not None:
                page = await lists.page_at(lists.read_cursor(page.next_cursor), 10)
            assert looked == [selection]
            for number in range(MAX_ENTRIES + 1):
                some = SaContextSelection.parse({"spi": [str(number)]})
                await lists.first_page(some, View.FULL, 10, 3600.0)
            await lists.first_page(selection, View.FULL, 10, 3600.0)
            assert len(looked) == MAX_ENTRIES + 3  # the oldest was dropped

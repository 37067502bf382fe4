"""The store over a real engine library: epochs, stops, and what is shared by all who ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event

import anyio
import anyio.lowlevel
import orjson
import pytest
from sa_contexts_simulator import Simulator

from app.encoding.sa_contexts import no_alias
from app.repository.drains import DrainAborted
from app.repository.limits import StoreLimits
from app.repository.matches import MOST
from app.repository.reading import FIRST_PAGE, Reader
from app.repository.selection import EVERYTHING, Selection
from app.repository.store import EngineSlow, Page, SnapshotGone, Store
from app.repository.versions import Version
from app.schemas.names import View
from bindings.engine import Engine
from bindings.errors import EngineError
from bindings.library import Library
from bindings.records import SaContext
from bindings.sa_contexts import SaContextArray


pytestmark = pytest.mark.anyio

LIMITS = StoreLimits(minimum_interval_seconds=0, refresh_seconds=3600)


def no_aliases() -> Callable[[int], None]:
    return no_alias


async def test_that_many_clients_cost_two_enumerations(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(200)
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            await store.fresh(0)
            before = simulator.calls("IPsecSaContextCreateEnumHandle0")
            async with anyio.create_task_group() as clients:
                for _ in range(100):
                    clients.start_soon(store.first_page, EVERYTHING, View.FULL, 100, 0.0)

            assert simulator.calls("IPsecSaContextCreateEnumHandle0") - before <= 2


async def test_that_an_engine_that_restarts_begins_a_new_epoch(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(20)
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            first = await store.fresh(0)
            simulator.churn(3)
            second = await store.fresh(0)
            simulator.stop_engine()
            with pytest.raises(EngineError):
                await store.fresh(0)
            simulator.start_engine()
            third = await store.fresh(0)

    assert (first.epoch, first.revision) == (second.epoch, second.revision - 1)
    assert third.epoch != first.epoch
    assert third.revision == 1
    assert store.journal.since(first.epoch, 1) is None
    assert store.journal.since(third.epoch, 1) == []


async def test_that_a_failure_is_logged_once_and_so_is_its_end(
    library: Library, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.populate(5)
    simulator.stop_engine()
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            for _ in range(3):
                with pytest.raises(EngineError):
                    await store.fresh(0)
            simulator.start_engine()
            await store.fresh(0)
            await store.fresh(0)

    events = [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]
    assert events.count("drain_failed") == 1
    assert events.count("engine_answers_again") == 1


async def test_that_a_stop_lets_go_of_who_waits_although_the_engine_does_not_answer(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    told: list[Exception] = []
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)

        async def ask() -> None:
            try:
                await store.fresh(0)
            except DrainAborted as error:
                told.append(error)

        async with store.running():
            await store.fresh(0)
            before = simulator.calls("IPsecSaContextEnum1")
            simulator.delay("IPsecSaContextEnum1", 200)
            async with anyio.create_task_group() as clients:
                for _ in range(3):
                    clients.start_soon(ask)
                while simulator.calls("IPsecSaContextEnum1") == before:
                    await anyio.lowlevel.checkpoint()
                store.stop()
            assert len(told) == 3
            with pytest.raises(DrainAborted):
                await store.fresh(0)
    assert simulator.calls("IPsecSaContextEnum1") == before + 1


async def test_that_walks_over_an_engine_that_does_not_change_are_never_refused(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    with Engine(library) as engine:
        limits = replace(LIMITS, snapshot_count=1)
        store = Store(Reader(engine, no_aliases), limits)
        async with store.running():
            pages = [await store.first_page(EVERYTHING, View.FULL, 1, 0.0) for _ in range(20)]

    assert len({page.version.revision for page in pages}) == 20
    assert len(store.holds) == 20


class HeldBack:
    """Lets the decoding of all contexts but the first wait until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
        self.may_go_on = Event()
        self.failure: Exception | None = None
        decoded = 0
        decode = SaContextArray.decode

        def held_back(array: SaContextArray, index: int) -> SaContext:
            nonlocal decoded
            decoded += 1
            if decoded > first:
                assert self.may_go_on.wait(20)
                if self.failure is not None:
                    raise self.failure
            return decode(array, index)

        monkeypatch.setattr(SaContextArray, "decode", held_back)


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldBack]:
    held_back = HeldBack(monkeypatch, FIRST_PAGE)
    yield held_back
    held_back.may_go_on.set()


async def test_that_a_list_begins_before_all_contexts_are_decoded(
    library: Library, simulator: Simulator, held_back: HeldBack
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            first = await store.first_page(EVERYTHING, View.FULL, 400, 0.0)
            assert not first.version.is_complete
            assert first.next_cursor is not None
            cursor = store.read_cursor(first.next_cursor)
            pages: list[Page] = []

            async def ask() -> None:
                pages.append(await store.page_at(cursor, 1000))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                assert not pages
                held_back.may_go_on.set()

    whole = pages[0].version
    assert whole.is_complete
    assert (whole.epoch, whole.revision) == (first.version.epoch, first.version.revision)
    assert list(whole.ids) == simulator.ids() == list(first.version.ids)
    assert whole.texts.pieces(range(400)) == first.pieces
    texts = b"".join([*first.pieces, *pages[0].pieces])
    ids = [int(one["saContextId"]) for one in orjson.loads(b"[" + texts[1:] + b"]")]
    assert ids == simulator.ids()[:1400]


async def test_that_filters_wait_until_all_contexts_are_decoded(
    library: Library, simulator: Simulator, held_back: HeldBack
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    selection = Selection.parse({"traffic_type": ["tunnel"]})
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            pages: list[Page] = []

            async def ask() -> None:
                pages.append(await store.first_page(selection, View.FULL, 1000, 0.0))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await store.first_page(EVERYTHING, View.FULL, 1, 0.0)
                await anyio.wait_all_tasks_blocked()
                assert not pages
                held_back.may_go_on.set()
    assert pages[0].version.is_complete


async def test_that_a_list_that_began_on_what_failed_is_gone(
    library: Library, simulator: Simulator, held_back: HeldBack
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            first = await store.first_page(EVERYTHING, View.FULL, 400, 0.0)
            held_back.failure = ZeroDivisionError()
            held_back.may_go_on.set()
            assert first.next_cursor is not None
            cursor = store.read_cursor(first.next_cursor)
            with pytest.raises((ZeroDivisionError, SnapshotGone)):
                await store.page_at(cursor, 1000)
            with pytest.raises(SnapshotGone):
                await store.page_at(cursor, 1000)
            held_back.failure = None
            assert (await store.fresh(0)).is_complete
    assert simulator.unfreed_blocks() == 0


async def test_that_a_list_without_patience_is_told_to_wait(
    library: Library,
    simulator: Simulator,
    held_back: HeldBack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.populate(FIRST_PAGE + 500)
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            first = await store.first_page(EVERYTHING, View.FULL, 400, 0.0)
            assert first.next_cursor is not None
            monkeypatch.setattr(store, "limits", replace(LIMITS, patience_seconds=0))
            with pytest.raises(EngineSlow):
                await store.page_at(store.read_cursor(first.next_cursor), 1000)
            with pytest.raises(EngineSlow):
                await store.counts(0)
            held_back.may_go_on.set()


async def test_that_a_walk_looks_through_all_contexts_once(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(200)
    selection = Selection.parse({"traffic_type": ["transport"]})
    looked: list[Selection] = []
    matching = Version.matching

    def counted(version: Version, selection: Selection) -> Sequence[int]:
        looked.append(selection)
        return matching(version, selection)

    monkeypatch.setattr(Version, "matching", counted)
    with Engine(library) as engine:
        store = Store(Reader(engine, no_aliases), LIMITS)
        async with store.running():
            page = await store.first_page(selection, View.FULL, 10, 0.0)
            while page.next_cursor is not None:
                page = await store.page_at(store.read_cursor(page.next_cursor), 10)
            assert looked == [selection]
            for number in range(MOST + 1):
                some = Selection.parse({"spi": [str(number)]})
                await store.first_page(some, View.FULL, 10, 3600.0)
            await store.first_page(selection, View.FULL, 10, 3600.0)
            assert len(looked) == MOST + 3  # the oldest was forgotten

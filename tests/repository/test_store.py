"""The store over a real engine library: epochs, stops, and coalesced refreshes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import Any
from weakref import ref

import anyio
import anyio.lowlevel
import pytest
from sa_contexts_simulator import Simulator

from app.repository.changes.journal import Position
from app.repository.changes.rekeys import RekeyCorrelator
from app.repository.limits import StoreLimits
from app.repository.query.paginator import Paginator, SnapshotExpired
from app.repository.refresh.reader import FIRST_PAGE, EngineReader
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.resource import NoObserver
from app.repository.store import Store
from app.resources.sa_contexts.encoding import no_alias
from app.resources.sa_contexts.filters import SaContextSelection
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import View
from bindings.addresses import Ipv6Order
from bindings.engine import Engine
from bindings.errors import EngineError
from bindings.library import Library
from tests.repository.states import state_of


pytestmark = pytest.mark.anyio

LIMITS = StoreLimits(refresh_min_interval_seconds=0, refresh_interval_seconds=3600)


def no_aliases() -> Callable[[int], None]:
    return no_alias


async def test_many_clients_cost_two_enumerations(library: Library, simulator: Simulator) -> None:
    simulator.populate(200)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        async with store.running():
            await store.snapshot_at_most(0)
            before = simulator.calls("IPsecSaContextCreateEnumHandle0")
            async with anyio.create_task_group() as clients:
                for _ in range(100):
                    clients.start_soon(
                        Paginator(store).first_page, SaContextSelection(), View.FULL, 100, 0.0
                    )

            assert simulator.calls("IPsecSaContextCreateEnumHandle0") - before <= 2


class Timed:
    """A clock, and readers that take two tenths of a second on it."""

    def __init__(self) -> None:
        self.now = 100.0

    def reader(self, engine: Engine) -> EngineReader:
        timed = self

        class Reader(EngineReader):
            def read_all(self, *arguments: Any) -> Any:
                timed.now += 0.2
                return super().read_all(*arguments)

        return Reader(engine, SaContextKind(no_aliases))


@pytest.mark.parametrize(
    ("age", "max_age", "is_refreshed"),
    [
        pytest.param(0.5, 1, False, id="young"),
        pytest.param(0.7, 1, True, id="a refresh takes a fifth, and half of it may have passed"),
        pytest.param(0.25, 0.6, False, id="younger than half"),
        pytest.param(0.7, 3600, False, id="recent enough for long"),
    ],
)
async def test_a_request_starts_the_refresh_that_the_next_would_wait_for(
    library: Library, simulator: Simulator, age: float, max_age: float, is_refreshed: bool
) -> None:
    simulator.populate(5)
    clock = Timed()
    with Engine(library) as engine:
        store = Store(clock.reader(engine), LIMITS, is_periodic=False, clock=lambda: clock.now)
        async with store.running():
            first = await store.snapshot_at_most(0)
            clock.now = first.started + age

            assert await store.snapshot_at_most(max_age) is first

            with anyio.fail_after(10):
                for _ in range(20):  # iterations of the event loop, in which a refresh would begin
                    await anyio.lowlevel.checkpoint()
                while is_refreshed and store.current is first:
                    await anyio.lowlevel.checkpoint()
                await store.idle()
            assert (store.current is not first) == is_refreshed


async def test_no_refresh_is_started_ahead_while_the_engine_fails(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    clock = Timed()
    with Engine(library) as engine:
        store = Store(clock.reader(engine), LIMITS, is_periodic=False, clock=lambda: clock.now)
        async with store.running():
            first = await store.snapshot_at_most(0)
            simulator.stop_engine()
            with pytest.raises(EngineError):
                await store.snapshot_at_most(0)
            failed = store.last_refresh
            clock.now = first.started + 0.95

            assert await store.snapshot_at_most(1) is first

            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            await store.idle()
            assert store.last_refresh is failed


async def test_an_engine_that_restarts_begins_a_new_epoch(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(20)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        async with store.running():
            first = await store.snapshot_at_most(0)
            simulator.churn(3)
            second = await store.snapshot_at_most(0)
            simulator.stop_engine()
            with pytest.raises(EngineError):
                await store.snapshot_at_most(0)
            simulator.start_engine()
            third = await store.snapshot_at_most(0)

    assert (first.epoch, first.revision) == (second.epoch, second.revision - 1)
    assert third.epoch != first.epoch
    assert third.revision == 1
    assert store.journal.changes_after(first.epoch, Position(1)) is None
    assert store.journal.changes_after(third.epoch, Position(1)) == []


async def test_a_failure_is_logged_once_and_so_is_its_end(
    library: Library, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.populate(5)
    simulator.stop_engine()
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        async with store.running():
            for _ in range(3):
                with pytest.raises(EngineError):
                    await store.snapshot_at_most(0)
            simulator.start_engine()
            await store.snapshot_at_most(0)
            await store.snapshot_at_most(0)

    events = [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]
    assert events.count("refresh_failed") == 1
    assert events.count("engine_recovered") == 1


async def test_a_stop_during_a_refresh_is_no_failure(
    library: Library, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.populate(5000)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        async with store.running():
            await store.snapshot_at_most(0, may_be_partial=True)
            assert store.current is None
            store.stop()

    assert store.current is None
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


async def test_a_stop_lets_go_of_who_waits_although_the_engine_does_not_answer(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    errors: list[Exception] = []
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)

        async def ask() -> None:
            try:
                await store.snapshot_at_most(0)
            except ShuttingDown as error:
                errors.append(error)

        async with store.running():
            await store.snapshot_at_most(0)
            before = simulator.calls("IPsecSaContextEnum1")
            simulator.delay("IPsecSaContextEnum1", 200)
            async with anyio.create_task_group() as clients:
                for _ in range(3):
                    clients.start_soon(ask)
                while simulator.calls("IPsecSaContextEnum1") == before:
                    await anyio.lowlevel.checkpoint()
                store.stop()
            assert len(errors) == 3
            with pytest.raises(ShuttingDown):
                await store.snapshot_at_most(0)
    assert simulator.calls("IPsecSaContextEnum1") == before + 1


class OrderDecidedByFirstRead(NoObserver):
    """Decides for reversed order once a read has ended and the test has opened the gate."""

    def __init__(self) -> None:
        self.order = Ipv6Order.NETWORK
        self.gate = Event()

    def conclude(self) -> None:
        self.gate.wait(10)
        self.order = Ipv6Order.REVERSED


async def test_a_partial_snapshot_that_was_misread_expires(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(FIRST_PAGE + 1)
    observer = OrderDecidedByFirstRead()
    with Engine(library, ipv6_order=lambda: observer.order) as engine:
        reader = EngineReader(engine, SaContextKind(no_aliases), observer=observer)
        store = Store(reader, LIMITS)
        paginator = Paginator(store)
        async with store.running():
            page = await paginator.first_page(SaContextSelection(), View.FULL, 10, 0.0)
            assert not page.snapshot.is_complete
            assert page.next_cursor is not None
            simulator.delete(simulator.ids()[0])  # now too few for a partial snapshot
            observer.gate.set()

            with pytest.raises(SnapshotExpired) as expired:
                await paginator.page_at(paginator.read_cursor(page.next_cursor), 10)

    assert expired.value.resume is None
    assert len(store.leases) == 0


async def test_a_snapshot_that_was_misread_is_not_published(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order changes, by what another store has read, at the end of the thread's work."""
    simulator.populate(50)
    order = Ipv6Order.NETWORK
    reset = RekeyCorrelator.reset

    def change_order(rekeys: RekeyCorrelator) -> None:
        nonlocal order
        order = Ipv6Order.REVERSED
        reset(rekeys)

    monkeypatch.setattr(RekeyCorrelator, "reset", change_order)
    with Engine(library, ipv6_order=lambda: order) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS, is_periodic=False)
        async with store.running():
            first = await store.snapshot_at_most(0)
            second = await store.snapshot_at_most(0)

    assert first.epoch == second.epoch
    assert state_of(first) == state_of(second)


@pytest.mark.parametrize(
    ("function", "code", "after"),
    [
        ("IPsecSaContextCreateEnumHandle0", 0x80320044, 1),  # FWP_E_IKEEXT_NOT_RUNNING
        ("IPsecSaContextEnum1", 0x80320012, 0),  # FWP_E_TIMEOUT
        ("IPsecSaContextEnum1", 5, 0),
    ],
)
async def test_no_failure_after_a_restart_keeps_the_epoch(
    library: Library, simulator: Simulator, function: str, code: int, after: int
) -> None:
    """A regression: a failed refresh after the restart counted as the first."""
    simulator.populate(50)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS)
        async with store.running():
            before = await store.snapshot_at_most(0)
            simulator.stop_engine()
            simulator.start_engine()
            simulator.populate(50, seed=99)
            simulator.fail(function, code, after=after)
            for _ in range(2):
                with suppress(EngineError):
                    await store.snapshot_at_most(0)
            simulator.clear_failures()
            after_all = await store.snapshot_at_most(0)

    assert after_all.epoch != before.epoch
    assert list(after_all.ids) == simulator.ids()


async def test_an_expired_lease_is_released_without_a_request(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(50)
    now = 0.0
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS, clock=lambda: now)
        async with store.running():
            version = await store.snapshot_at_most(0)
            texts = ref(store.leases.acquire(version).snapshot.blocks)
            simulator.churn(10)
            now += LIMITS.snapshot_idle_timeout_seconds + 1
            del version
            await store.snapshot_at_most(0)
            await store.snapshot_at_most(0)
            assert texts() is None


async def test_a_store_that_does_not_stay_in_contact_asks_when_it_is_asked(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(50)
    with Engine(library) as engine:
        store = Store(EngineReader(engine, SaContextKind(no_aliases)), LIMITS, is_periodic=False)
        before = simulator.calls()
        async with store.running():
            await anyio.wait_all_tasks_blocked()
            assert (store.last_refresh, simulator.calls()) == (None, before)

            assert list((await store.snapshot_at_most(0)).ids) == simulator.ids()


async def test_a_store_that_is_not_asked_lets_go_all_the_same(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(50)
    now = 0.0
    nap_is_over = anyio.Event()

    async def sleep(seconds: float) -> None:
        nonlocal nap_is_over
        if seconds:  # refreshes have no minimum interval here
            await nap_is_over.wait()
            nap_is_over = anyio.Event()
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr("app.repository.store.anyio.sleep", sleep)
    with Engine(library) as engine:
        reader = EngineReader(engine, SaContextKind(no_aliases))
        store = Store(reader, LIMITS, is_periodic=False, clock=lambda: now)
        async with store.running():
            texts = ref(store.leases.acquire(await store.snapshot_at_most(0)).snapshot.blocks)
            simulator.churn(10)
            for _ in range(2):  # a thread keeps its last result alive
                now += 1.0
                await store.snapshot_at_most(0)
            for seconds, is_held in ((1.0, True), (LIMITS.snapshot_idle_timeout_seconds, False)):
                now += seconds
                nap_is_over.set()
                await anyio.wait_all_tasks_blocked()
                assert (texts() is not None) == is_held

"""How the store follows the engine's notifications, and works without them."""

from __future__ import annotations

from functools import partial

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from sa_contexts_simulator import Simulator

from app.repository.changes.journal import Position
from app.repository.refresh import incremental as looks_module
from app.repository.refresh import reader as reading_module
from app.repository.store import Store
from app.resources.sa_contexts.counts import counts_of
from bindings.library import Library
from bindings.winerror import WinError
from tests.bindings.trees import Tree
from tests.repository.stores import Gate, running_store, until


pytestmark = pytest.mark.anyio

REFRESH = "IPsecSaContextCreateEnumHandle0"
LOOK = "IPsecSaContextGetById1"
SUBSCRIBE = "IPsecSaContextSubscribe0"


def changes_of(store: Store, first: int = 1) -> list[tuple[str, int]]:
    """Return the journal's changes after a revision of its epoch."""
    differences = store.journal.changes_after(store.journal.epoch, Position(first))
    assert differences is not None
    return [(each.kind, each.object_id) for _, changes, _ in differences for each in changes]


def half_built(sa_context_id: int = 0) -> Tree:
    tree = Tree()
    tree.context.saContextId = sa_context_id
    return tree


def complete(sa_context_id: int) -> Tree:
    tree = half_built(sa_context_id)
    tree.context.inboundSa = tree.new("IPSEC_SA_DETAILS1")
    tree.context.outboundSa = tree.new("IPSEC_SA_DETAILS1")
    return tree


async def test_what_is_announced_is_found_without_reading_all(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(30)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(3600)
        gone = simulator.ids()[7]
        refreshes = simulator.calls(REFRESH)
        simulator.delete(gone)
        await until(lambda: store.journal.newest > version.revision)
        tree = complete(0)
        new = simulator.put(tree.address)
        await until(lambda: len(changes_of(store)) == 2)

        assert changes_of(store) == [("deleted", gone), ("added", new)]
        assert simulator.calls(REFRESH) == refreshes
        assert store.state is not None
        assert store.state.revision == 3
        assert counts_of(store.state.counts).contexts == 30


async def test_an_announcement_of_nothing_is_no_revision(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(30)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(3600)
        looks = simulator.calls(LOOK)
        for event, number in ((1, simulator.ids()[0]), (2, simulator.ids()[1]), (1, 12345), (9, 1)):
            simulator.announce(event, number)
        await until(lambda: simulator.calls(LOOK) >= looks + 4)
        await store.snapshot_at_most(0)

        assert changes_of(store) == []
        assert store.journal.newest == version.revision + 1  # the refresh's


async def test_what_was_announced_half_built_is_looked_at_again(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks_module, "RECHECK_SECONDS", (0.01, 0.01, 0.01))
    async with running_store(library) as store:
        await store.snapshot_at_most(3600)
        refreshes = simulator.calls(REFRESH)
        tree = half_built()
        number = simulator.put(tree.address)
        await until(lambda: changes_of(store) == [("added", number)])
        tree = complete(number)
        simulator.put(tree.address)  # nobody is notified
        await until(lambda: len(changes_of(store)) == 2)

        assert changes_of(store) == [("added", number), ("modified", number)]
        assert simulator.calls(REFRESH) == refreshes


async def test_what_stays_half_built_is_not_looked_at_forever(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks_module, "RECHECK_SECONDS", (0.01, 0.01))
    async with running_store(library) as store:
        await store.snapshot_at_most(3600)
        tree = half_built()
        simulator.put(tree.address)
        await until(lambda: simulator.calls(LOOK) == 3)
        with anyio.move_on_after(0.1):
            await until(lambda: simulator.calls(LOOK) > 3)

        assert simulator.calls(LOOK) == 3
        number = simulator.ids()[0]
        simulator.announce(1, number)  # the debounce restarts
        await until(lambda: simulator.calls(LOOK) == 6)


async def test_hints_of_a_run_that_is_over_change_nothing_of_it(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(30)
    async with running_store(library) as store:
        version = await store.snapshot_at_most(3600)
        simulator.stop_engine()
        simulator.start_engine()
        store.incremental.dirty_ids.add(simulator.ids()[0])
        store.incremental.dirty_ids.add(12345)
        await until(lambda: store.current is not version)

        assert store.current is not None
        assert store.current.epoch != version.epoch
        assert store.current.revision == 1
        assert store.journal.epoch == store.current.epoch
        assert changes_of(store) == []


async def test_more_hints_than_are_kept_lead_to_a_refresh(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(30)
    async with running_store(library, max_dirty_ids=2) as store:
        version = await store.snapshot_at_most(3600)
        looks = simulator.calls(LOOK)
        gone = simulator.ids()[:20]
        for number in gone:  # the loop is blocked meanwhile
            simulator.delete(number)
        simulator.flush()
        await until(lambda: len(changes_of(store)) == 20)

        assert sorted(changes_of(store)) == [("deleted", number) for number in gone]
        assert simulator.calls(LOOK) == looks + 2
        assert store.current is not version
        assert not store.incremental.dirty_ids.has_overflowed


async def test_a_look_that_fails_leads_to_a_refresh(library: Library, simulator: Simulator) -> None:
    simulator.populate(30)
    async with running_store(library) as store:
        await store.snapshot_at_most(3600)
        simulator.fail(LOOK, WinError.FWP_E_TIMEOUT, times=0)
        gone = simulator.ids()[3]
        simulator.delete(gone)
        await until(lambda: changes_of(store))

        assert changes_of(store) == [("deleted", gone)]
        assert store.last_refresh is not None
        assert store.last_refresh.error is None


def _has_changed(store: Store, changes: int) -> bool:
    return len(changes_of(store)) == changes


async def test_looks_that_fail_again_and_again_are_logged_once(
    library: Library, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.populate(30)
    async with running_store(library, refresh_retry_seconds=0.01) as store:
        await store.snapshot_at_most(3600)
        simulator.fail(LOOK, WinError.ERROR_ACCESS_DENIED, times=0)
        for number in range(1, 4):
            simulator.delete(simulator.ids()[0])
            await until(partial(_has_changed, store, number))
        assert simulator.calls(LOOK) >= 3
        assert store.incremental.error is not None
        assert caplog.text.count("point_refresh_failed") == 1

        simulator.clear_failures()
        simulator.delete(simulator.ids()[0])
        await until(lambda: store.incremental.error is None)


@pytest.mark.parametrize(
    "code", [WinError.ERROR_ACCESS_DENIED, WinError.RPC_S_PROCNUM_OUT_OF_RANGE]
)
async def test_without_a_subscription_comparison_alone_finds_all(
    library: Library, simulator: Simulator, code: int
) -> None:
    simulator.populate(30)
    simulator.fail(SUBSCRIBE, code, times=0)
    async with running_store(library, refresh_interval_seconds=0.02) as store:
        await store.snapshot_at_most(3600)
        gone = simulator.ids()[3]
        simulator.delete(gone)
        tree = half_built()
        new = simulator.put(tree.address)
        await until(lambda: len(changes_of(store)) == 2)
        tree = complete(new)
        simulator.put(tree.address)
        await until(lambda: len(changes_of(store)) == 3)

        assert simulator.open_subscriptions() == 0
        assert sorted(changes_of(store)) == [("added", new), ("deleted", gone), ("modified", new)]
        assert simulator.calls(LOOK) == 0


async def test_lost_announcements_are_found_by_comparison(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(30)
    async with running_store(library, refresh_interval_seconds=0.05) as store:
        await store.snapshot_at_most(3600)
        simulator.lose(1)
        gone = simulator.ids()[3]
        simulator.delete(gone)
        await until(lambda: changes_of(store))

        assert simulator.lost() == 1
        assert changes_of(store) == [("deleted", gone)]


async def test_hints_wait_while_an_announced_version_is_made(
    library: Library, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their result is a later revision than the announced one."""
    simulator.populate(30)
    monkeypatch.setattr(reading_module, "FIRST_PAGE", 1)
    gate = Gate(monkeypatch)
    async with running_store(library) as store:
        await store.snapshot_at_most(3600)
        gate.close()
        announced = await store.snapshot_at_most(0, may_be_partial=True)
        assert not announced.is_complete
        await anyio.to_thread.run_sync(gate.is_reached.wait, 10)
        simulator.delete(simulator.ids()[0])
        simulator.flush()
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert simulator.calls(LOOK) == 0
        gate.open()
        await until(lambda: changes_of(store))

        assert store.current is not None
        assert store.current.revision == announced.revision == 2
        assert store.journal.newest == 3


async def test_a_stop_ends_a_look_at_many(
    library: Library, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A regression: the point refreshes of all dirty ids were awaited."""
    simulator.populate(200)
    async with running_store(library) as store:
        await store.snapshot_at_most(3600)
        simulator.delay(LOOK, 50)
        for number in simulator.ids():
            store.incremental.dirty_ids.add(number)
        await until(lambda: simulator.calls(LOOK))
        store.stop()
    assert simulator.calls(LOOK) < 10
    assert "point_refresh_failed" not in caplog.text

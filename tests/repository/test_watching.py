"""Many watchers, an engine with all its events, and the contexts that each watcher ends up with.

In the end, each client has the engine's contexts; it receives nothing
twice, misses nothing, and restarts only if it must.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from random import Random
from typing import cast

import anyio.lowlevel
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sa_contexts_simulator import Option, Simulator

from app.repository.changes import feed as feeds_module
from app.repository.changes import watcher as watch_module
from app.repository.changes.feed import EventFeeds
from app.repository.limits import StoreLimits
from app.repository.query.match_cache import MatchCache
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.reader import EngineReader
from app.repository.store import Store
from app.resources.sa_contexts.encoding import no_alias, render_sa_context
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import View
from bindings.engine import Engine
from bindings.errors import EngineError
from bindings.library import Library
from tests.conftest import SIMULATOR_PATH
from tests.repository.watchers import SEEN, Kept, Server, WatchingClient
from tests.soak.filters import Filters


CONTEXTS = 40
CHURN = 500
BURST_SECONDS = 0.2
MAX_WATCHERS = 5
MAX_ROUNDS = 4
"""Some of `EXPECTED` depends on timing: a round on a busy machine may miss it."""
FILTERS: list[Filters] = [
    {},
    {"ipVersion": ["v6"]},
    {"trafficType": ["transport"], "ipVersion": ["v4"]},
    {"cipher": ["cbc_aes_128", "gcm_aes_256"]},
    {"weakness": ["no_pfs"]},
    {"remoteSubnet": ["10.0.0.0/9", "2001:db8::/33"]},
]

EXPECTED = {
    *("added", "modified", "deleted", "bookmark", "snapshot_end", "reset"),
    *("a reset of the epoch", "a reset of the journal"),
    *("resumed", "resumed amid a revision", "cut off"),
}


class Watching(RuleBasedStateMachine):
    """Watchers of one engine, through successive servers."""

    library: Library

    @initialize(
        most=st.sampled_from([1, 5, 30, 10_000]),
        batch_bytes=st.sampled_from([1, 9000, 256 << 10]),
        threads=st.integers(1, 3),
        delay=st.sampled_from([0, 0, 5]),
        is_complete=st.booleans(),
        seed=st.integers(0, 9),
        first=st.lists(
            st.tuples(st.sampled_from(FILTERS), st.sampled_from(View), st.booleans()), max_size=3
        ),
    )
    def begin(
        self,
        most: int,
        batch_bytes: int,
        threads: int,
        delay: int,
        is_complete: bool,
        seed: int,
        first: list[tuple[Filters, View, bool]],
    ) -> None:
        self.stack = ExitStack()
        self.simulator = Simulator(SIMULATOR_PATH)
        self.simulator.reset()
        self.simulator.populate(CONTEXTS, seed)
        self.simulator.deliver_from(threads)
        self.simulator.delay_notifications(delay)
        self.simulator.set_option(Option.ANNOUNCE_COMPLETE, is_complete)
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module in (feeds_module, watch_module):
            patch.setattr(module, "BATCH_BYTES", batch_bytes)
        self.limits = StoreLimits(
            refresh_min_interval_seconds=0,
            refresh_interval_seconds=3600,
            refresh_retry_seconds=3600,
            refresh_debounce_seconds=0.001,
            max_journal_changes=most,
        )
        self.portal: BlockingPortal = self.stack.enter_context(start_blocking_portal())
        self.watchers: list[WatchingClient] = []
        self.start_server()
        for filters, view, is_initial in first:
            self.open(filters, view, is_initial, lists_first=False)

    def start_server(self) -> None:
        dirty_ids = DirtyIds(1000)
        engine = Engine(self.library, on_change=lambda _event, number: dirty_ids.add(number))
        reader = EngineReader(engine, SaContextKind(lambda: no_alias))
        store = self.portal.call(partial(Store, reader, self.limits, dirty_ids=dirty_ids))
        self.server = Server(
            store,
            EventFeeds(store.journal, store.kind),
            self.portal.call(MatchCache),
            Kept(store.journal, self.limits.max_journal_changes),
        )
        self.running = ExitStack()
        self.running.enter_context(engine)
        running = cast(
            AbstractContextManager[None], self.portal.wrap_async_context_manager(store.running())
        )
        self.running.enter_context(running)

    def stop_server(self) -> None:
        for watcher in self.watchers:
            self.portal.call(watcher.leave)
        self.running.close()

    def each(self, work: Callable[[WatchingClient], Awaitable[object]]) -> None:
        async def all_of_them() -> None:
            for watcher in self.watchers:
                await work(watcher)

        self.portal.call(all_of_them)

    def one(self, which: int) -> WatchingClient:
        return self.watchers[which % len(self.watchers)]

    # ---- clients ----

    @precondition(lambda self: len(self.watchers) < MAX_WATCHERS)
    @rule(
        filters=st.sampled_from(FILTERS),
        view=st.sampled_from(View),
        is_initial=st.booleans(),
        lists_first=st.booleans(),
    )
    def open(self, filters: Filters, view: View, is_initial: bool, lists_first: bool) -> None:
        watcher = WatchingClient(filters, view, is_initial=is_initial)
        self.watchers.append(watcher)
        if lists_first:
            self.portal.call(watcher.list_first, self.server)
        self.portal.call(watcher.come, self.server)

    @precondition(lambda self: self.watchers)
    @rule(which=st.integers(0, MAX_WATCHERS))
    def read(self, which: int) -> None:
        self.portal.call(self.one(which).pump, self.server)

    @precondition(lambda self: self.watchers)
    @rule(which=st.integers(0, MAX_WATCHERS), after=st.integers(0, 50))
    def cut_off(self, which: int, after: int) -> None:
        self.portal.call(self.one(which).pump, self.server, after)

    @precondition(lambda self: self.watchers)
    @rule(which=st.integers(0, MAX_WATCHERS))
    def leave(self, which: int) -> None:
        self.portal.call(self.one(which).leave)

    @precondition(lambda self: self.watchers)
    @rule(which=st.integers(0, MAX_WATCHERS))
    def come_again(self, which: int) -> None:
        self.portal.call(self.one(which).come, self.server)

    @precondition(lambda self: self.watchers)
    @rule(which=st.integers(0, MAX_WATCHERS))
    def list_and_come_again(self, which: int) -> None:
        self.portal.call(self.one(which).list_first, self.server)
        self.portal.call(self.one(which).come, self.server)

    @rule()
    def read_all(self) -> None:
        self.each(lambda watcher: watcher.pump(self.server))

    # ---- the engine ----

    @rule(changes=st.integers(1, 60))
    def change(self, changes: int) -> None:
        self.simulator.churn(changes)

    @rule(which=st.integers(0, 1000))
    def delete(self, which: int) -> None:
        ids = self.simulator.ids()
        if ids:
            self.simulator.delete(ids[which % len(ids)])

    @rule(event=st.integers(0, 4), which=st.integers(0, 1000))
    def announce_nothing(self, event: int, which: int) -> None:
        ids = self.simulator.ids() or [1]
        self.simulator.announce(event, ids[which % len(ids)] + which % 2)

    @rule(times=st.integers(1, 40))
    def lose(self, times: int) -> None:
        self.simulator.lose(times)

    @rule()
    def restart_engine(self) -> None:
        self.simulator.stop_engine()
        self.simulator.start_engine()

    @rule()
    def stop_engine(self) -> None:
        self.simulator.stop_engine()

    @rule(seed=st.integers(0, 2**32 - 1), is_lossy=st.booleans(), refreshes=st.booleans())
    def burst(self, seed: int, is_lossy: bool, refreshes: bool) -> None:
        """Make 500 changes a second while clients read, connect and disconnect."""
        random = Random(seed)
        self.simulator.start_engine()
        self.simulator.lose_randomly(300_000 if is_lossy else 0, seed)
        self.simulator.start_churn(CHURN, seed)
        end = time.monotonic() + BURST_SECONDS

        async def live() -> None:
            while time.monotonic() < end:
                for watcher in self.watchers:
                    if watcher.watch is None:
                        await watcher.come(self.server)
                    cut_after = random.randrange(20) if random.random() < 0.1 else None
                    if random.random() < 0.8:
                        await watcher.pump(self.server, cut_after)
                if refreshes and random.random() < 0.1:
                    await self.server.store.snapshot_at_most(0)
                await anyio.lowlevel.checkpoint()

        self.portal.call(live)
        self.simulator.stop_churn()
        self.simulator.lose_randomly(0)

    # ---- the server ----

    @rule()
    def refresh(self) -> None:
        with suppress(EngineError):
            self.portal.call(self.server.store.snapshot_at_most, 0)

    @rule()
    def hear(self) -> None:
        """Deliver all notifications to the store."""
        assert self.simulator.flush()

    @rule()
    def restart_server(self) -> None:
        self.stop_server()
        self.start_server()

    @rule()
    def settle(self) -> None:
        """End all changes, and let all clients read to the end."""
        self.simulator.start_engine()
        assert self.simulator.flush()
        self.portal.call(self.server.store.snapshot_at_most, 0)

        async def read_to_the_end(watcher: WatchingClient) -> None:
            if watcher.watch is None:
                await watcher.come(self.server)
            while await watcher.pump(self.server):
                pass

        self.each(read_to_the_end)
        with Engine(self.library) as engine:
            contexts = [render_sa_context(one) for page in engine.pages() for one in page]
        for watcher in self.watchers:
            assert watcher.mirror.contents == watcher.selected(contexts)

    @invariant()
    def nothing_is_misused(self) -> None:
        assert self.simulator.misuses() == 0

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        with self.stack:
            try:
                self.settle()
            finally:
                self.stop_server()
        assert (self.simulator.open_handles(), self.simulator.unfreed_blocks()) == (0, 0)
        self.simulator.reset()


def test_all_who_watch_end_with_what_the_engine_has(library: Library) -> None:
    Watching.library = library
    budget = settings(max_examples=40, stateful_step_count=30)
    for _ in range(MAX_ROUNDS):
        run_state_machine_as_test(Watching, settings=budget)
        if set(SEEN) >= EXPECTED:
            break
    assert set(SEEN) >= EXPECTED

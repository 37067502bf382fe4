"""What a running server consists of, beneath HTTP."""

from __future__ import annotations

import importlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread
import structlog

from app.repository.feeds import Feeds
from app.repository.hints import Hints
from app.repository.lists import Lists
from app.repository.net_events import NetEvents
from app.repository.reading import Reader
from app.repository.store import MOST_HINTS, Store
from app.settings import Settings
from app.streams import Streams
from bindings.engine import Engine
from bindings.interfaces import interface_aliases
from bindings.library import EngineKind, Library, find_library
from bindings.subscriptions import Notify


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """The store, the reader of single contexts and net events, each with a session of its own.

    Attributes:
        host: this host's name.
        library: the library that both read from.
        drain_engine: the engine that the store drains, and that announces changes to it.
        engine: the engine that single contexts are read from.
        one_reader: lets one thread at a time read a single context; a session has room for one,
            and threads that wait for it would be missing elsewhere.
    """

    host: str
    library: Library
    drain_engine: Engine
    engine: Engine
    store: Store
    lists: Lists
    feeds: Feeds
    streams: Streams
    reader: Reader
    net_events: NetEvents
    one_reader: anyio.CapacityLimiter

    def stop(self) -> None:
        """Let go of all who wait or watch."""
        self.streams.stop()
        self.store.stop()
        self.net_events.news.tell()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the store; close both sessions at the end, whatever happens."""
        try:
            async with (
                anyio.create_task_group() as tasks,
                self.store.running(),
                self.net_events.running(),
            ):
                tasks.start_soon(self.streams.run)
                yield
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                for engine in (self.drain_engine, self.engine):
                    await anyio.to_thread.run_sync(engine.close)


def open_library(settings: Settings) -> Library:
    """The library that the settings name, with simulated contexts where it is a simulator.

    Raises:
        LibraryError: there is none that can be used.
    """
    library = Library(find_library(settings.engine, settings.library))
    if library.kind is EngineKind.SIMULATOR:
        _simulate(library, settings)
    return library


def open_engine(library: Library, settings: Settings, on_change: Notify | None = None) -> Engine:
    """An engine with the settings' ways of reading; its session opens when first needed.

    Args:
        library: where the functions are.
        settings: how to read.
        on_change: what is told of changes, if anything is.
    """
    return Engine(
        library,
        transaction_wait_ms=settings.transaction_wait_ms,
        generation=settings.generation,
        ipv6_order=settings.ipv6_order,
        patience_seconds=settings.transaction_wait_ms / 1000,
        on_change=on_change,
    )


def create_service(settings: Settings) -> Service:
    """Everything that a server needs, not yet running.

    Raises:
        LibraryError: there is no library that can be used.
    """
    library = open_library(settings)
    hints = Hints(MOST_HINTS)
    drain_engine = open_engine(
        library, settings, lambda _event, sa_context_id: hints.give(sa_context_id)
    )
    engine = open_engine(library, settings)
    store = Store(
        Reader(
            drain_engine,
            interface_aliases,
            baseline=settings.baseline,
            page_size=settings.page_size,
        ),
        settings.store_limits(),
        hints=hints,
    )
    return Service(
        host=socket.gethostname(),
        library=library,
        drain_engine=drain_engine,
        engine=engine,
        store=store,
        lists=Lists(store),
        feeds=Feeds(store.journal),
        streams=Streams(settings.stream_count, settings.stream_seconds),
        reader=Reader(engine, interface_aliases, baseline=settings.baseline),
        net_events=NetEvents(
            library,
            settings.net_event_limits(),
            transaction_wait_ms=settings.transaction_wait_ms,
            ipv6_order=settings.ipv6_order,
        ),
        one_reader=anyio.CapacityLimiter(1),
    )


def _simulate(library: Library, settings: Settings) -> None:
    """Fill a simulator. Its control is part of its distribution, which may not be installed."""
    try:
        control: Any = importlib.import_module("sa_contexts_simulator")
    except ImportError:
        log.warning("simulator_without_control", library=str(library.path))
        return
    simulator = control.Simulator(library.path)
    simulator.populate(settings.simulated_contexts, settings.simulated_seed)
    if settings.simulated_churn:
        simulator.start_churn(settings.simulated_churn, settings.simulated_seed)
    if settings.simulated_net_events:
        simulator.start_net_events(settings.simulated_net_events, settings.simulated_seed)
    log.warning(
        "simulated_engine",
        note="these SA contexts are simulated; they are no host's",
        contexts=settings.simulated_contexts,
        changes_per_second=settings.simulated_churn,
    )

"""The running parts of a server beneath HTTP, and the engine that they read.

Each resource has one part: what runs for it as long as the server does. The
service starts, stops and closes all parts in the same way and knows none of them.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import anyio
import anyio.to_thread
import structlog

from app.auth.authenticator import Authenticator
from app.repository.changes.feed import EventFeeds
from app.repository.changes.streams import StreamRegistry
from app.repository.deadlines import EngineDeadline
from app.repository.query.paginator import Paginator
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.reader import EngineReader
from app.repository.resource import ResourceKind
from app.repository.store import MAX_DIRTY_IDS, Store
from app.settings.model import Settings
from bindings.engine import Engine
from bindings.library import EngineKind, Library, find_library
from bindings.subscriptions import Notify


log = structlog.get_logger(__name__)

P = TypeVar("P", bound="Part")

CLOSE_SECONDS: Final = 0.7
"""How long the sessions may take to close; one that hangs would keep the process."""


class Part:
    """What runs for one resource, from the start of the server to its stop."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the end of the block."""
        yield

    def stop(self) -> None:
        """Wake all waiters; accept no further work."""

    async def close(self) -> None:
        """Close the part's session of the engine, if it has one."""


class ResourceRuntime(Part):
    """The store of one listed resource, and what is served from it.

    Attributes:
        engine: the engine that the store reads, with a session of its own.
        store: the snapshots.
        paginator: the pages of its snapshots.
        feeds: its events, for watchers, if the resource has any.
    """

    def __init__(self, engine: Engine, store: Store) -> None:
        self.engine: Final = engine
        self.store: Final = store
        self.paginator: Final = Paginator(store)
        self.feeds: Final = EventFeeds(store.journal, store.kind)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the store."""
        async with self.store.running():
            yield

    def stop(self) -> None:
        """Stop refreshing."""
        self.store.stop()

    async def close(self) -> None:
        """Close the engine's session once the store no longer reads it."""
        await self.store.idle()
        await _close(self.engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What parts are made on.

    Attributes:
        settings: the server's settings.
        library: the library that everything is read from.
        engine: the engine that single objects and counters are read from.
        point_read_limiter: lets one thread at a time use that engine; a session has room for one,
            and threads that wait for it would be missing elsewhere.
        deadline: limits how long requests wait for that engine.
    """

    settings: Settings
    library: Library
    engine: Engine
    point_read_limiter: anyio.CapacityLimiter
    deadline: EngineDeadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Foundation):
    """A server without its HTTP.

    Attributes:
        host: this host's name.
        streams: the open event streams.
        credentials: the credentials that are accepted.
        parts: one per resource: a listed resource's under the class of its kind, any other
            part under its own class.
        primary: the resource whose refreshes tell whether the engine answers.
    """

    host: str
    streams: StreamRegistry
    credentials: Authenticator
    parts: Mapping[Hashable, Part]
    primary: type[ResourceKind]

    def part(self, class_: type[P]) -> P:
        """Return the part of a class."""
        return cast(P, self.parts[cast(Hashable, class_)])

    def listed(self, kind: type[ResourceKind]) -> ResourceRuntime:
        """Return the store, lists and feeds of a listed resource."""
        return cast(ResourceRuntime, self.parts[kind])

    @property
    def store(self) -> Store:
        """The store whose refreshes tell whether the engine answers."""
        return self.listed(self.primary).store

    @property
    def rejects_keys(self) -> bool:
        """Whether all API keys are rejected, because their file has been unreadable too long."""
        api_keys = self.credentials.api_keys
        return api_keys is not None and api_keys.are_rejected

    @property
    def is_ready(self) -> bool:
        """Whether the engine answered not long ago, and callers are let in."""
        return self.store.is_ready and not self.rejects_keys

    def stop(self) -> None:
        """Wake all waiters and watchers; accept no further work."""
        self.streams.stop()
        self.deadline.cancel_all()
        for part in self.parts.values():
            part.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all parts; at the end close all sessions, as far as that is soon done.

        A session in a call that hangs is left to the end of the process, when the
        engine closes it; the thread in that call is left, too.
        """
        async with anyio.create_task_group() as tasks, AsyncExitStack() as stack:
            try:
                tasks.start_soon(self.streams.run)
                if self.credentials.api_keys is not None:
                    tasks.start_soon(self.credentials.api_keys.run)
                for part in self.parts.values():
                    await stack.enter_async_context(part.running())
                yield
            finally:
                self.stop()
                await self._close()
            tasks.cancel_scope.cancel()

    async def _close(self) -> None:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            async with anyio.create_task_group() as closing:
                closing.start_soon(_close, self.engine)
                for part in self.parts.values():
                    closing.start_soon(part.close)


async def _close(engine: Engine) -> None:
    await anyio.to_thread.run_sync(engine.close, abandon_on_cancel=True)


def start_announced(kind: ResourceKind, foundation: Foundation) -> ResourceRuntime:
    """Make the runtime of a resource whose changes the engine announces.

    It is refreshed regularly, whether or not anyone asks, and keeps a journal.
    """
    settings = foundation.settings
    hints = DirtyIds(MAX_DIRTY_IDS)
    engine = open_engine(
        foundation.library, settings, lambda _event, object_id: hints.add(object_id)
    )
    reader = EngineReader(engine, kind, page_size=settings.page_size)
    return ResourceRuntime(engine, Store(reader, settings.store_limits(), dirty_ids=hints))


def start_on_demand(kind: ResourceKind, foundation: Foundation) -> ResourceRuntime:
    """Make the runtime of a resource that is refreshed only when someone asks."""
    settings = foundation.settings
    engine = open_engine(foundation.library, settings)
    reader = EngineReader(engine, kind, page_size=settings.page_size)
    limits = replace(settings.store_limits(), journal_changes=0, journal_bytes=0)
    return ResourceRuntime(engine, Store(reader, limits, is_periodic=False))


def open_library(settings: Settings) -> Library:
    """Load the library that the settings name; fill it with simulated contexts if it simulates.

    Raises:
        LibraryError: there is none that can be used.
    """
    library = Library(find_library(settings.engine, settings.library))
    if library.kind is EngineKind.SIMULATOR:
        _simulate(library, settings)
    return library


def open_engine(library: Library, settings: Settings, on_change: Notify | None = None) -> Engine:
    """Return an engine that reads as the settings say; its session opens when first needed.

    Args:
        library: the library with the functions.
        settings: how to read.
        on_change: called for each change that the engine announces.
    """
    return Engine(
        library,
        transaction_wait_ms=settings.transaction_wait_ms,
        generation=settings.generation,
        ipv6_order=settings.ipv6_order,
        timeout_seconds=settings.transaction_wait_ms / 1000,
        on_change=on_change,
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

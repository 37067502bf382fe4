"""What a running server consists of, beneath HTTP."""

from __future__ import annotations

import importlib
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import anyio.to_thread
import structlog

from app.limits import RateLimits
from app.repository.connections import ConnectionKind
from app.repository.feeds import Feeds
from app.repository.hints import Hints
from app.repository.ike_sas import IkeSaKind
from app.repository.kinds import Kind
from app.repository.lists import Lists
from app.repository.net_events import NetEvents
from app.repository.patience import Patience
from app.repository.reading import Reader
from app.repository.sa_contexts import SaContextKind
from app.repository.statistics import StatisticsReader
from app.repository.store import MOST_HINTS, Store
from app.schemas.names import Baseline
from app.security.api_keys import ApiKeys
from app.security.credentials import Credentials
from app.settings import Settings
from app.streams import Streams
from bindings.engine import Engine
from bindings.interfaces import interface_aliases
from bindings.library import EngineKind, Library, find_library
from bindings.subscriptions import Notify


log = structlog.get_logger(__name__)

CLOSE_SECONDS: Final = 0.7
"""How long the sessions may take to be closed; what hangs would keep the process."""


@dataclass(frozen=True, slots=True)
class Collection:
    """All objects of one kind, as they are served.

    Attributes:
        engine: the engine that the store drains, with a session of its own; it may announce
            changes to it.
        store: the versions.
        lists: the walks through them.
    """

    engine: Engine
    store: Store
    lists: Lists


@dataclass(frozen=True, slots=True)
class Service:
    """What is served, kind by kind, and the engine that single objects are read from.

    Attributes:
        host: this host's name.
        library: the library that all is read from.
        baseline: what weaknesses are judged against.
        engine: the engine that single objects are read from.
        one_reader: lets one thread at a time read a single object; a session has room for one,
            and threads that wait for it would be missing elsewhere.
        patience: of those who wait for a single object or for counters.
        feeds: what happens to SA contexts, for those who watch.
        streams: the open ones.
        statistics: reads the engine's own counters, by `engine` too.
        sa_contexts: the SA contexts, by which is judged whether the engine answers.
        ike_sas: the main mode SAs, which are read when somebody asks.
        connections: the connections, the same.
        credentials: those that are taken.
        rate_limits: how often one client may ask.
        measured_peers: the remote addresses that have a metric of their own, packed.
        measured_connections: how many pairs of ends have metrics of what connections transfer.
    """

    host: str
    library: Library
    baseline: Baseline
    engine: Engine
    one_reader: anyio.CapacityLimiter
    patience: Patience
    feeds: Feeds
    streams: Streams
    statistics: StatisticsReader
    sa_contexts: Collection
    ike_sas: Collection
    connections: Collection
    net_events: NetEvents
    credentials: Credentials
    rate_limits: RateLimits
    measured_peers: tuple[bytes, ...] = ()
    measured_connections: int = 0

    @property
    def collections(self) -> tuple[Collection, ...]:
        """All kinds."""
        return self.sa_contexts, self.ike_sas, self.connections

    @property
    def store(self) -> Store:
        """The store of the SA contexts."""
        return self.sa_contexts.store

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
        """Let go of all who wait or watch."""
        self.streams.stop()
        self.patience.end()
        for collection in self.collections:
            collection.store.stop()
        self.net_events.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the stores; at the end close all sessions, as far as that is soon done.

        One that is in a call that hangs is left to the end of the process, when the
        engine closes it; the thread in that call is left, too.
        """
        async with anyio.create_task_group() as tasks, AsyncExitStack() as stores:
            try:
                tasks.start_soon(self.streams.run)
                if self.credentials.api_keys is not None:
                    tasks.start_soon(self.credentials.api_keys.run)
                for collection in self.collections:
                    await stores.enter_async_context(collection.store.running())
                await stores.enter_async_context(self.net_events.running())
                yield
            finally:
                self.stop()
                await self._close()
            tasks.cancel_scope.cancel()

    async def _close(self) -> None:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            async with anyio.create_task_group() as closing:
                closing.start_soon(_close, self.engine)
                for collection in self.collections:
                    closing.start_soon(_close, collection.engine, collection.store)


async def _close(engine: Engine, store: Store | None = None) -> None:
    """Close an engine's session, once its store does not read it any more."""
    if store is not None:
        await store.idle()
    await anyio.to_thread.run_sync(engine.close, abandon_on_cancel=True)


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
        KeysUnreadable: the file of keys cannot be read.
    """
    library = open_library(settings)
    sa_contexts = _sa_contexts(library, settings)
    engine, one_reader = open_engine(library, settings), anyio.CapacityLimiter(1)
    patience = Patience(settings.patience_seconds)
    return Service(
        host=socket.gethostname(),
        library=library,
        baseline=settings.baseline,
        engine=engine,
        feeds=Feeds(sa_contexts.store.journal),
        streams=Streams(
            settings.stream_count, settings.stream_seconds, settings.rate_caller_streams
        ),
        one_reader=one_reader,
        patience=patience,
        statistics=StatisticsReader(engine, one_reader, patience),
        sa_contexts=sa_contexts,
        ike_sas=_on_demand(IkeSaKind(), library, settings),
        connections=_on_demand(ConnectionKind(), library, settings),
        net_events=NetEvents(
            library,
            settings.net_event_limits(),
            transaction_wait_ms=settings.transaction_wait_ms,
            ipv6_order=settings.ipv6_order,
        ),
        credentials=create_credentials(settings),
        rate_limits=settings.rate_limits(),
        measured_peers=tuple(peer.packed for peer in settings.metrics_peers or ()),
        measured_connections=settings.metrics_connections,
    )


def create_credentials(settings: Settings) -> Credentials:
    """What the settings have callers show.

    Raises:
        KeysUnreadable: the file of keys cannot be read.
    """
    tokens = None
    if settings.oidc_issuer is not None and settings.oidc_audience is not None:
        # Not every server needs what this takes to verify signatures.
        from app.security.issuer import Issuer  # noqa: PLC0415
        from app.security.jwt import Tokens  # noqa: PLC0415

        tokens = Tokens(
            Issuer(settings.oidc_issuer, settings.oidc_jwks_url),
            settings.oidc_audience,
            settings.oidc_algorithms,
            settings.oidc_skew_seconds,
        )
    api_keys = None
    if settings.keys is not None:
        api_keys = ApiKeys(settings.keys, settings.keys_grace_seconds)
    return Credentials(api_keys, tokens)


def _sa_contexts(library: Library, settings: Settings) -> Collection:
    """The SA contexts, of whose changes the engine tells the store."""
    hints = Hints(MOST_HINTS)
    engine = open_engine(library, settings, lambda _event, sa_context_id: hints.give(sa_context_id))
    kind = SaContextKind(interface_aliases, settings.baseline)
    reader = Reader(engine, kind, page_size=settings.page_size)
    store = Store(reader, settings.store_limits(), hints=hints)
    return Collection(engine, store, Lists(store))


def _on_demand(kind: Kind, library: Library, settings: Settings) -> Collection:
    """What is read when somebody asks; its changes are nobody's news."""
    engine = open_engine(library, settings)
    reader = Reader(engine, kind, page_size=settings.page_size)
    limits = replace(settings.store_limits(), journal_changes=0, journal_bytes=0)
    store = Store(reader, limits, stays_in_contact=False)
    return Collection(engine, store, Lists(store))


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

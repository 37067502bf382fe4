"""The service beneath HTTP: the engine, and one running part per resource or answer.

How it runs: the service starts, stops and closes all parts in the same way. Each part that reads
lists or net events has its own session with the engine. Single objects and counters are read in
one session that all parts share.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import anyio
import anyio.to_thread
import structlog

from app.auth.authenticator import Authenticator
from app.repository.changes.feed import EventFeeds
from app.repository.changes.streams import StreamRegistry
from app.repository.deadlines import EngineDeadline
from app.repository.engine_calls import EngineCalls
from app.repository.fairness import FairLimiter
from app.repository.limits import StoreLimits
from app.repository.query.paginator import Paginator
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.reader import EngineReader
from app.repository.resource import Observer, ResourceKind
from app.repository.store import MAX_DIRTY_IDS, Store
from app.settings.model import Settings
from bindings.addresses import Ipv6Order
from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.ipv6_order import Ipv6OrderDetector
from bindings.library import EngineKind, Library, UnfinishedCall, find_library
from bindings.limits import LIMITS
from bindings.rule_names import RuleNames
from bindings.session import Session
from bindings.subscriptions import Notify


log = structlog.get_logger(__name__)

P = TypeVar("P", bound="Part")

CLOSE_SECONDS: Final = 0.7
"""The timeout for closing all sessions; a call that hangs must not keep the process alive."""

COMPRESSION_THREADS: Final = max(1, min(4, (os.cpu_count() or 1) - 1))

MAX_LOGGED_DIFFERENCES: Final = 20
"""Maximum number of logged differences between a capture and its replay."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The processor time that callers share fairly.

    Attributes:
        turns: admits pieces of work to the event loop, each for one of its iterations: so many
            that a piece costs little more than its own time, so few that an iteration stays short.
        filtering: admits the threads that filter snapshots: one, because two would only contend
            for the GIL.
        compression: admits the threads that compress, which do not need the GIL: one processor is
            left to the event loop.
    """

    turns: FairLimiter = field(default_factory=lambda: FairLimiter(2))
    filtering: FairLimiter = field(default_factory=lambda: FairLimiter(1))
    compression: FairLimiter = field(default_factory=lambda: FairLimiter(COMPRESSION_THREADS))


class Part:
    """The running part of one resource or answer, from the server's start to its shutdown."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run for the duration of the block."""
        yield

    def stop(self) -> None:
        """Wake all waiters; accept no further work."""

    def discard_if_outdated(self) -> None:
        """Discard objects that were read in an outdated byte order of IPv6 addresses."""

    async def close(self) -> None:
        """Close the part's own session, if it has one."""


class ResourceRuntime(Part):
    """The store of one listed resource, with its pages and events.

    Attributes:
        engine: the engine that the store reads, with its own session.
        store: keeps the snapshots and the journal.
        paginator: returns pages of the snapshots.
        feeds: the event feeds, used only if the resource has an event stream.
    """

    def __init__(self, engine: Engine, store: Store, capacity: Capacity) -> None:
        self.engine: Final = engine
        self.store: Final = store
        self.paginator: Final = Paginator(store, capacity.filtering)
        self.feeds: Final = EventFeeds(store.journal, store.kind)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the store for the duration of the block."""
        async with self.store.running():
            yield

    def stop(self) -> None:
        """Stop the store."""
        self.store.stop()

    def discard_if_outdated(self) -> None:
        """Discard snapshots that were read in an outdated byte order."""
        self.store.discard_if_outdated()

    async def close(self) -> None:
        """Wait until no thread of the store reads the engine, then close the session."""
        await self.store.idle()
        await _close(self.engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What the parts are built from.

    Attributes:
        settings: the server's settings.
        library: the loaded library of the engine.
        ipv6_order: detects the byte order of the engine's IPv6 addresses.
        engine: the engine for reading single objects and counters.
        engine_calls: makes the calls of `engine`, one at a time: its session serves only one
            thread.
        deadline: limits how long requests wait for `engine`.
        rule_names: finds the names of rules and policies, in a session of its own.
        capacity: what callers share fairly.
    """

    settings: Settings
    library: Library
    ipv6_order: Ipv6OrderDetector
    engine: Engine
    engine_calls: EngineCalls
    deadline: EngineDeadline
    rule_names: RuleNames
    capacity: Capacity = field(default_factory=Capacity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Foundation):
    """Everything beneath HTTP.

    Attributes:
        host: this host's name.
        streams: the open event streams.
        credentials: verifies the callers' credentials.
        parts: the parts of the resources, then those of the answers. The key is the class of the
            resource's kind for a listed resource, and the part's own class for any other part.
        primary: the class of the kind whose refreshes show whether the engine responds.
    """

    host: str
    streams: StreamRegistry
    credentials: Authenticator
    parts: Mapping[Hashable, Part]
    primary: type[ResourceKind]

    def part(self, class_: type[P]) -> P:
        """Return the part that is an instance of `class_`."""
        return cast(P, self.parts[cast(Hashable, class_)])

    def listed(self, kind: type[ResourceKind]) -> ResourceRuntime:
        """Return the runtime of a listed resource by the class of its kind."""
        return cast(ResourceRuntime, self.parts[kind])

    @property
    def store(self) -> Store:
        """The store of the primary resource."""
        return self.listed(self.primary).store

    @property
    def rejects_keys(self) -> bool:
        """Whether all API keys are rejected because their file has been unreadable too long."""
        api_keys = self.credentials.api_keys
        return api_keys is not None and api_keys.are_rejected

    @property
    def hung_call(self) -> UnfinishedCall | None:
        """The call of the engine that has taken longest, if that is longer than requests wait."""
        call = self.library.oldest_unfinished_call()
        is_hung = call is not None and call.seconds() > self.settings.engine_timeout_seconds
        return call if is_hung else None

    @property
    def is_ready(self) -> bool:
        """Whether the engine responded recently, no call hangs and API keys are not rejected."""
        return self.store.is_ready and self.hung_call is None and not self.rejects_keys

    def stop(self) -> None:
        """Wake all waiters and end all streams; accept no further work."""
        self.streams.stop()
        self.deadline.cancel_all()
        self.credentials.stop()
        for part in self.parts.values():
            part.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all parts for the duration of the block, then close the sessions.

        If a call hangs, its session and thread are abandoned; the engine closes the session when
        the process ends.
        """
        async with anyio.create_task_group() as tasks, AsyncExitStack() as stack:
            try:
                tasks.start_soon(self.streams.run)
                tasks.start_soon(self._follow_ipv6_order)
                if self.credentials.api_keys is not None:
                    tasks.start_soon(self.credentials.api_keys.run)
                for part in self.parts.values():
                    await stack.enter_async_context(part.running())
                yield
            finally:
                self.stop()
                await self._close()
                NOTES.end()  # here, because a signal ends the process before `serve` returns
            tasks.cancel_scope.cancel()

    async def _follow_ipv6_order(self) -> None:
        """Make all parts discard misread objects when the byte order of IPv6 addresses changes."""
        state, waiter = self.ipv6_order.state, object()
        while True:
            await self.store.notifier.wait(waiter)
            before, state = state, self.ipv6_order.state
            if state.order is not before.order:
                log.info("ipv6_order_changed", order=state.order.value)
                for part in self.parts.values():
                    part.discard_if_outdated()
            elif state.reason is not before.reason and state.is_contradictory:
                log.warning("ipv6_order_undecided", order=state.order.value)

    async def _close(self) -> None:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            async with anyio.create_task_group() as closing:
                closing.start_soon(_close, self.engine)
                closing.start_soon(_close, self.rule_names)
                for part in self.parts.values():
                    closing.start_soon(part.close)


async def _close(engine: Engine | RuleNames) -> None:
    await anyio.to_thread.run_sync(engine.close, abandon_on_cancel=True)


def start_announced(
    kind: ResourceKind, foundation: Foundation, observer: Observer | None = None
) -> ResourceRuntime:
    """Create the runtime of a resource whose changes the engine announces.

    Its store refreshes regularly, even without requests, and keeps a journal.

    Args:
        kind: the kind of the resource.
        foundation: what the runtime is built from.
        observer: examines the objects during refreshes, for example to detect the byte order of
            IPv6 addresses.
    """
    settings = foundation.settings
    dirty_ids = DirtyIds(MAX_DIRTY_IDS)
    engine = open_engine(
        foundation.library,
        settings,
        foundation.ipv6_order.order,
        lambda _event, object_id: dirty_ids.add(object_id),
    )
    store = Store(
        _reader(engine, kind, settings, observer), settings.limits(StoreLimits), dirty_ids=dirty_ids
    )
    return ResourceRuntime(engine, store, foundation.capacity)


def start_on_demand(kind: ResourceKind, foundation: Foundation) -> ResourceRuntime:
    """Create the runtime of a resource whose store refreshes only on request."""
    settings = foundation.settings
    engine = open_engine(foundation.library, settings, foundation.ipv6_order.order)
    reader = _reader(engine, kind, settings)
    limits = replace(settings.limits(StoreLimits), max_journal_changes=0, max_journal_bytes=0)
    store = Store(reader, limits, is_periodic=False)
    return ResourceRuntime(engine, store, foundation.capacity)


def _reader(
    engine: Engine, kind: ResourceKind, settings: Settings, observer: Observer | None = None
) -> EngineReader:
    return EngineReader(
        engine,
        kind,
        page_size=settings.engine_page_size,
        max_bytes=settings.max_enumeration_bytes,
        observer=observer,
    )


def open_library(settings: Settings) -> Library:
    """Load the library that the settings select, and set the limits of its answers.

    If the library is the simulator, populate it.

    Raises:
        LibraryError: there is no usable library, or the capture to replay cannot be read.
        EngineError: the engine failed while a replay was compared with its capture.
    """
    LIMITS.max_record_elements = settings.max_record_elements
    LIMITS.max_enumeration_objects = settings.max_enumeration_objects
    library = Library(find_library(settings.engine, settings.library))
    if library.kind is EngineKind.SIMULATOR:
        _simulate(library, settings)
    return library


def ipv6_order_detector(settings: Settings) -> Ipv6OrderDetector:
    """Return the detector that the settings configure."""
    is_detected = settings.ipv6_order == "auto"
    return Ipv6OrderDetector(None if is_detected else Ipv6Order(settings.ipv6_order))


def open_engine(
    library: Library,
    settings: Settings,
    ipv6_order: Callable[[], Ipv6Order],
    on_change: Notify | None = None,
) -> Engine:
    """Return an engine with these settings; it opens a session on first use.

    Args:
        library: the loaded library of the engine.
        settings: the server's settings.
        ipv6_order: returns the byte order for the next read.
        on_change: called for each change that the engine announces.
    """
    return Engine(
        library,
        transaction_wait_timeout_ms=settings.transaction_wait_timeout_ms,
        generation=settings.generation,
        ipv6_order=ipv6_order,
        timeout_seconds=settings.transaction_wait_timeout_ms / 1000,
        on_change=on_change,
    )


def _simulate(library: Library, settings: Settings) -> None:
    """Populate the simulator through its control module; only log a warning if it is missing."""
    try:
        control: Any = importlib.import_module("sa_contexts_simulator")
    except ImportError:
        log.warning("simulator_without_control", library=str(library.path))
        return
    simulator = control.Simulator(library.path)
    if settings.simulated_capture is not None:
        _replay(library, simulator, settings.simulated_capture)
        return
    simulator.populate(settings.simulated_contexts, settings.simulated_seed)
    for crowd, count in (settings.simulated_crowds or {}).items():
        simulator.add_crowd(control.Crowd[crowd.upper()], count)
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


def _replay(library: Library, simulator: Any, capture: Path) -> None:
    """Replay a capture, and log how the simulator differs from the captured engine."""
    from bindings.capture.replay import differences  # noqa: PLC0415  # only the simulator needs it

    simulator.replay(capture)
    log.warning(
        "replayed_engine",
        note="these SA contexts are replayed; they are no longer any host's",
        capture=str(capture),
    )
    with Session(library) as session:
        found = [*differences(capture, session)]
    for difference in found[:MAX_LOGGED_DIFFERENCES]:
        log.warning("replay_differs", difference=difference)
    if len(found) > MAX_LOGGED_DIFFERENCES:
        log.warning("replay_differs", more=len(found) - MAX_LOGGED_DIFFERENCES)

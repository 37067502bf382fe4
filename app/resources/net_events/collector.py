"""Collects net events: a dedicated session subscribes to them, and a ring buffer keeps the latest.

The engine's stored events are read only when a session opens, because each enumeration leaks
memory on Windows (`bindings.net_events`). Later events arrive by subscription. The subscription's
callback runs on a thread of the engine's library. It only puts the event into a mailbox and counts
it. The event loop moves events from the mailbox to the buffer shortly afterwards, or when a request
reads the buffer. Before that, a thread looks up the names of the rules behind them: soon, because
IKE removes some filters when a negotiation ends. A subscription does not report that the engine
has ended; a periodic call, the heartbeat, detects it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import structlog

from app.repository.notifier import Notifier
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from app.resources.net_events.buffer import NetEventBuffer, NetEventSelection, NetEventSlice
from app.resources.net_events.listener import Listener, open_listener
from app.resources.net_events.mailbox import NetEventMailbox
from app.resources.net_events.names import Collection, SubscriptionState
from app.resources.net_events.reports import ReportedEvents
from app.resources.net_events.rules import UNNAMED, names_of
from app.resources.wfp.filetimes import moment_of
from app.service import Part
from app.settings.limits import NetEventLimits
from bindings.addresses import Ipv6Order
from bindings.call_notes import NOTES
from bindings.errors import EngineError, NotSupported
from bindings.library import Library
from bindings.net_event import NetEvent
from bindings.net_events import RESOURCE
from bindings.rule_names import RuleNames


log = structlog.get_logger(__name__)

T = TypeVar("T")

BATCH_SECONDS: Final = 0.05
"""Pause after each batch. Events that arrive during the pause form the next batch."""

START_SECONDS: Final = 2.0
"""Time after a session opens during which the subscription may still report stored events.

It is short, because a new event without a time that arrives during it may be mistaken for a
stored event.
"""

NAME_SECONDS: Final = 2.0
"""Maximum time that events wait for the names behind them."""

CLOSE_SECONDS: Final = 1.0
"""Maximum time to close the session at shutdown, because a call to the engine may hang."""


class NetEventCollector(Part):
    """The latest net events of this host. Belongs to one event loop.

    Attributes:
        buffer: the events.
        error: the failure of the last session, or of the last attempt to open one; None if
            there was no failure, or a session has opened since.
        notifier: wakes watchers when the buffer changes.
        on_event: callback for each event that the subscription reports, even if the event is
            dropped later. Not called for the stored events that are read when a session opens.
            Called on a thread of the engine's library.
        is_ready: whether a session has opened in this epoch, so that the buffer can be served.
    """

    def __init__(
        self,
        library: Library,
        limits: NetEventLimits | None = None,
        *,
        transaction_wait_timeout_ms: int = 3000,
        ipv6_order: Callable[[], Ipv6Order] = lambda: Ipv6Order.NETWORK,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        names: RuleNames | None = None,
    ) -> None:
        self.limits: Final = limits or NetEventLimits()
        self.error: Exception | None = None
        self.on_event: Callable[[NetEvent], None] = lambda _event: None
        self._library = library
        self._transaction_wait_timeout_ms = transaction_wait_timeout_ms
        self._ipv6_order = ipv6_order
        self._order_read = ipv6_order()
        self._now = now
        self._names = names
        self._naming = anyio.Lock()
        self._naming_thread = anyio.CapacityLimiter(1)
        self.notifier = Notifier()
        self._mailbox = NetEventMailbox(self.limits.max_net_events)  # as many as the buffer
        self._ingested = 0
        self._listener: Listener | None = None
        self._stopping = False
        self._woken = anyio.Event()
        self._tried = anyio.Event()
        self._begin()
        self._listening: anyio.CancelScope | None = None
        self._one_thread = anyio.CapacityLimiter(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Collect events until the end of the block, or until stopped.

        At the end, a thread whose call hangs is abandoned. If the call returns later, the thread
        closes its session.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            tasks.start_soon(self._follow_mailbox)
            try:
                yield
            finally:
                self.stop()
                tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Start to close the session. Wake all watchers and all calls of `wait_until_ready`."""
        if not self._stopping:
            self._stopping = True
            self._woken.set()
            self._tried.set()
            self.notifier.notify_all()
            if self._listening is not None:
                self._listening.deadline = anyio.current_time() + CLOSE_SECONDS

    def discard_if_outdated(self) -> None:
        """Start over with a new buffer and a new session if IPv6 addresses were misread."""
        if self._order_read is not self._ipv6_order():
            self._woken.set()

    def _begin(self) -> None:
        """Begin a new epoch with an empty buffer."""
        self.buffer = NetEventBuffer(
            self.limits.max_net_events, self.limits.max_net_event_bytes, now=self._now
        )
        self.is_ready = False
        self._reported = ReportedEvents(self.limits.max_net_events, self._now)
        if self._tried.is_set():  # if it is not set, it may have waiters
            self._tried = anyio.Event()

    async def select(self, selection: NetEventSelection, limit: int) -> NetEventSlice:
        """Return the newest events of a selection, at most `limit`, newest first.

        Raises:
            EngineError, EngineTimedOut, ShuttingDown: as for `wait_until_ready`.
        """
        await self.wait_until_ready()
        await self._ingest_named()
        return self.buffer.select(selection, limit)

    async def wait_until_ready(self) -> None:
        """Wait for the first attempt to open a session in this epoch.

        Raises:
            EngineError: no session has opened in this epoch, and the last attempt failed.
            EngineTimedOut: the engine did not answer in time.
            ShuttingDown: the server is stopping, and no session has opened in this epoch.
        """
        with anyio.move_on_after(self.limits.engine_timeout_seconds):
            await self._tried.wait()
        if self.is_ready:
            return
        if self._stopping:
            raise ShuttingDown
        raise self.error or EngineTimedOut

    @property
    def collection(self) -> Collection:
        """Whether the engine collects events; `ENABLED` if this is unknown."""
        return self._listener.collection if self._listener else Collection.ENABLED

    @property
    def subscription_state(self) -> SubscriptionState:
        """Whether there is a live subscription."""
        if self._listener is not None and self._listener.subscription is not None:
            return SubscriptionState.ACTIVE
        return (
            SubscriptionState.NOT_SUPPORTED
            if isinstance(self.subscription_error, NotSupported)
            else SubscriptionState.INACTIVE
        )

    @property
    def subscription_error(self) -> Exception | None:
        """The session's `subscription_error`; `error` if there is no session."""
        return self._listener.subscription_error if self._listener else self.error

    def ingest(self, max_count: int | None = None) -> None:
        """Move events from the mailbox to the buffer, except duplicates of stored events.

        Args:
            max_count: how many events to move, the oldest first; all if None.
        """
        received = self._mailbox.take(max_count)
        duplicates = self._reported.duplicates([event for _, event in received])
        for position, (number, event) in enumerate(received):
            self.buffer.skip(number - self._ingested - 1)  # the full mailbox dropped these
            self._ingested = number
            if position not in duplicates:
                self._add(event)

    async def _ingest_named(self) -> None:
        """Look up the names behind the events in the mailbox, then move these to the buffer.

        Events are late by at most `NAME_SECONDS`; without an answer, their names are unknown.
        """
        with anyio.move_on_after(NAME_SECONDS):
            async with self._naming:
                waiting = [event for _, event in self._mailbox.peek()]
                # A thread whose call hangs is abandoned: no events wait for it again.
                if waiting and self._names and not self._naming_thread.borrowed_tokens:
                    await anyio.to_thread.run_sync(
                        self._find_names,
                        waiting,
                        abandon_on_cancel=True,
                        limiter=self._naming_thread,
                    )
                self.ingest(len(waiting))  # others may have arrived meanwhile
                return
        self.ingest()

    def _find_names(self, events: Iterable[NetEvent]) -> None:
        """Look up the names behind events, so that they are kept. Runs in a thread."""
        if self._names is not None:
            lookup = self._names.lookup()
            for event in events:
                names_of(event, lookup)

    def _on_native_event(self, event: NetEvent) -> None:
        """Accept an event from the subscription. Runs on a thread of the engine's library."""
        self._mailbox.add(event)
        self.on_event(event)

    async def _follow_mailbox(self) -> None:
        while True:
            await self._mailbox.wait()
            await self._ingest_named()
            await anyio.sleep(BATCH_SECONDS)

    async def _listen(self) -> None:
        """Run one session after another until stopped; close the last within `CLOSE_SECONDS`."""
        with anyio.CancelScope(shield=True) as self._listening:
            while not self._stopping:
                try:
                    await self._listen_once()
                except ShuttingDown:
                    return
                except Exception as error:  # noqa: BLE001  # the buffer is served without a session
                    self._record_failure(error)
                    await self._sleep(self.limits.refresh_retry_seconds)

    def _record_failure(self, error: Exception) -> None:
        if str(error) != str(self.error):  # do not log the same error at every retry
            log.warning(
                "net_event_subscription_failed",
                error=str(error),
                exc_info=not isinstance(error, EngineError),
            )
        self.error = error
        self._tried.set()

    async def _listen_once(self) -> None:
        """Run one session until it fails, must be replaced, or the server stops."""
        self._woken = anyio.Event()
        order = self._ipv6_order()
        if order is not self._order_read:
            self._order_read = order
            self._begin()
        began_at = self._now()
        listener = await self._in_thread(self._open_listener)
        try:
            self._adopt(listener, began_at)
            await self._sleep(min(START_SECONDS, self.limits.heartbeat_interval_seconds))
            self.ingest()
            self._reported.end_start()
            while not listener.should_reconnect:
                await self._sleep(self.limits.heartbeat_interval_seconds)
                if self._woken.is_set():
                    return
                await self._in_thread(lambda: self._check_alive(listener))
        finally:
            self._listener = None
            await self._in_thread(listener.close)
            self.ingest()  # now, so that events are not taken for those of the next session

    async def _sleep(self, seconds: float) -> None:
        """Sleep until the time has passed or the session should end."""
        with anyio.move_on_after(seconds):
            await self._woken.wait()

    def _open_listener(self) -> Listener:
        """Open a listener. Runs in a worker thread.

        Raises:
            EngineError: a call failed.
            ShuttingDown: the collector was stopped meanwhile.
        """
        listener = open_listener(
            self._library,
            self._on_native_event,
            transaction_wait_timeout_ms=self._transaction_wait_timeout_ms,
            ipv6_order=self._order_read,
        )
        if self._stopping:
            listener.close()  # here, because the event loop may have abandoned this thread
            raise ShuttingDown
        self._find_names(listener.history)
        return listener

    def _check_alive(self, listener: Listener) -> None:
        """Check a listener's session. Runs in a worker thread.

        Raises:
            EngineError: the session is dead.
        """
        try:
            listener.check_alive()
        finally:
            if self._stopping:
                listener.close()  # here, as in `_open_listener`

    def _adopt(self, listener: Listener, began_at: datetime) -> None:
        """Make a listener the current one, and buffer the stored events that are new."""
        self._listener = listener
        stored = sorted(listener.history, key=lambda event: event.time)
        dropped = stored[: -self.limits.max_net_events]
        kept = stored[-self.limits.max_net_events :]
        new = self._reported.begin_session(began_at, kept)
        if dropped and new and new[0] is kept[0]:  # the older, dropped events may be new, too
            self.buffer.skip(len(dropped), moment_of(dropped[-1].time))
        for event in new:
            self._add(event)
        if self.error is not None:
            log.info("net_event_subscription_recovered")
        self.error = None
        self.is_ready = True
        self._tried.set()
        self.ingest()

    def _add(self, event: NetEvent) -> None:
        self._reported.add(event)
        lookup = self._names.lookup(max_calls=0) if self._names else None
        self.buffer.add(event, names_of(event, lookup) if lookup else UNNAMED)
        self.notifier.notify_all()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def noted() -> T:
            with NOTES.reading(RESOURCE):
                return work()

        return await anyio.to_thread.run_sync(
            noted, abandon_on_cancel=True, limiter=self._one_thread
        )

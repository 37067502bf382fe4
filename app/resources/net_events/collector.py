"""Net events as they happen: a session of its own listens, and a ring keeps the last of them.

What the engine still holds is read once, when a session begins, for reading it leaks
memory on Windows (`bindings.net_events`); after that the engine tells what happens.
The thread that it tells on hands the event over, has it counted, and does nothing
else; what was handed over is taken in a moment later, and whenever somebody asks. The
heartbeat is needed because a session that only listens hears nothing of the
engine's end.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import structlog

from app.repository.mailbox import Mailbox
from app.repository.notifier import Notifier
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from app.resources.net_events.buffer import NetEventBuffer, NetEventSelection, NetEventSlice
from app.resources.net_events.listener import Listener, open_listener
from app.resources.net_events.names import Collection, Listening
from app.service import Part
from app.settings.limits import NetEventLimits
from bindings.addresses import Ipv6Order
from bindings.errors import EngineError, NotSupported
from bindings.library import Library
from bindings.net_event import NetEvent


log = structlog.get_logger(__name__)

T = TypeVar("T")

BATCH_SECONDS: Final = 0.05
"""How long what happens is gathered, so that those who watch are told of it at once."""

CLOSE_SECONDS: Final = 1.0
"""How long the session may take to end after the stop; a call that hangs would take forever."""


class NetEventCollector(Part):
    """The last net events of this host. Belongs to one event loop.

    Attributes:
        buffer: the events.
        error: why nobody listens; None where somebody does, or has not tried yet.
        notifier: of anything in the ring.
        on_event: is told of each event that the engine tells, also where there are too many to
            be kept, on a thread of the engine's library; not of what the engine held before.
        is_known: whether the engine has answered once, and so the ring can be shown.
    """

    def __init__(
        self,
        library: Library,
        limits: NetEventLimits | None = None,
        *,
        transaction_wait_ms: int = 3000,
        ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.limits: Final = limits or NetEventLimits()
        self.buffer = NetEventBuffer(
            self.limits.net_event_count, self.limits.net_event_bytes, now=now
        )
        self.error: Exception | None = None
        self.is_known = False
        self.on_event: Callable[[NetEvent], None] = lambda _event: None
        self._library = library
        self._transaction_wait_ms = transaction_wait_ms
        self._ipv6_order = ipv6_order
        self.notifier = Notifier()
        self._mailbox = Mailbox(self.limits.net_event_count)  # the ring keeps no more
        self._taken_in = 0
        self._listener: Listener | None = None
        self._expected: Counter[NetEvent] = Counter()
        self._kept: deque[NetEvent] = deque(maxlen=self.limits.net_event_count)
        self._tried = anyio.Event()
        self._stopping = anyio.Event()
        self._listening: anyio.CancelScope | None = None
        self._one_thread = anyio.CapacityLimiter(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen until the end, or until it is stopped.

        A thread in a call that hangs is left to itself; if it comes back, it closes its session.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            tasks.start_soon(self._follow_mailbox)
            tasks.start_soon(self.notifier.tick)
            try:
                yield
            finally:
                self.stop()
                tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Listen no more; tell all who wait, and who ask before the engine has answered."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._tried.set()
            self.notifier.notify_all()
            if self._listening is not None:
                self._listening.deadline = anyio.current_time() + CLOSE_SECONDS

    async def select(self, selection: NetEventSelection, limit: int) -> NetEventSlice:
        """The newest events that are asked for.

        Raises:
            EngineError, EngineTimedOut, ShuttingDown: as for `known`.
        """
        await self.wait_until_ready()
        self.ingest()
        return self.buffer.select(selection, limit)

    async def wait_until_ready(self) -> None:
        """Wait until the engine has answered.

        Raises:
            EngineError: it has not yet, and refused when it was asked.
            EngineTimedOut: it has not, and still says nothing.
            ShuttingDown: it has not, and the server stops.
        """
        with anyio.move_on_after(self.limits.patience_seconds):
            await self._tried.wait()
        if self.is_known:
            return
        if self._stopping.is_set():
            raise ShuttingDown
        raise self.error or EngineTimedOut

    @property
    def collection(self) -> Collection:
        """Whether the engine collects events, as far as is known."""
        return self._listener.collection if self._listener else Collection.ENABLED

    @property
    def listening(self) -> Listening:
        """Whether the engine tells what happens."""
        if self._listener is not None and self._listener.subscription is not None:
            return Listening.ACTIVE
        return (
            Listening.NOT_SUPPORTED
            if isinstance(self.subscription_error, NotSupported)
            else Listening.INACTIVE
        )

    @property
    def subscription_error(self) -> Exception | None:
        """Why the engine does not tell what happens."""
        return self._listener.subscription_error if self._listener else self.error

    def ingest(self) -> None:
        """Keep what the engine told since."""
        for number, event in self._mailbox.take_all():
            self.buffer.skip(number - self._taken_in - 1)  # what came too fast to be kept
            self._taken_in = number
            if not self._was_read(event):
                self._keep(event)

    def _on_native_event(self, event: NetEvent) -> None:
        """Be told of an event, on a thread of the library's."""
        self._mailbox.put(event)
        self.on_event(event)

    def _was_read(self, event: NetEvent) -> bool:
        """Whether an event that was told has been read with the history, too."""
        read = self._expected
        if not event.time:  # which an engine may leave out where it tells
            event = next((each for each in +read if each._replace(time=0) == event), event)
        if not read[event]:
            return False
        read[event] -= 1
        return True

    async def _follow_mailbox(self) -> None:
        while True:
            await self._mailbox.wait()
            self.ingest()
            await anyio.sleep(BATCH_SECONDS)

    async def _listen(self) -> None:
        """Listen until the stop, and end the session in the time that there is for that."""
        with anyio.CancelScope(shield=True) as self._listening:
            while not self._stopping.is_set():
                try:
                    await self._listen_once()
                except ShuttingDown:
                    return
                except Exception as error:  # noqa: BLE001  # lists go on without it
                    self._failed(error)
                    await self._pause(self.limits.retry_seconds)

    def _failed(self, error: Exception) -> None:
        if str(error) != str(self.error):  # the same every two seconds would fill the log
            log.warning(
                "net_events_unheard",
                error=str(error),
                exc_info=not isinstance(error, EngineError),
            )
        self.error = error
        self._tried.set()

    async def _listen_once(self) -> None:
        """Listen with one session until it ends, or another is worth beginning, or the stop."""
        listener = await self._in_thread(self._open_listener)
        try:
            self._adopt(listener)
            while not listener.should_reconnect:
                await self._pause(self.limits.heartbeat_seconds)
                if self._stopping.is_set():
                    return
                self._expected.clear()  # what is told late is told by now
                self.ingest()
                await self._in_thread(lambda: self._check_alive(listener))
        finally:
            self._listener = None
            await self._in_thread(listener.close)

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless it is stopped."""
        with anyio.move_on_after(seconds):
            await self._stopping.wait()

    def _open_listener(self) -> Listener:
        """In a thread: a new listener, unless it is stopped meanwhile.

        Raises:
            EngineError: the engine refused.
            ShuttingDown: it is stopped.
        """
        listener = open_listener(
            self._library,
            self._on_native_event,
            transaction_wait_ms=self._transaction_wait_ms,
            ipv6_order=self._ipv6_order,
        )
        if self._stopping.is_set():
            listener.close()  # here, for nobody may wait for this thread any more
            raise ShuttingDown
        return listener

    def _check_alive(self, listener: Listener) -> None:
        """In a thread: ask a listener whether it lives, unless it is stopped meanwhile.

        Raises:
            EngineError: the listener is of no use any more.
        """
        try:
            listener.check_alive()
        finally:
            if self._stopping.is_set():
                listener.close()  # here, too

    def _adopt(self, listener: Listener) -> None:
        """Keep the history, each event once, whoever told it."""
        self._listener = listener
        known = Counter(self._kept)
        self._expected = Counter(listener.history)
        for event in listener.history:
            if known[event] > 0:
                known[event] -= 1
                self._expected[event] -= 1  # it was told before this session
            else:
                self._keep(event)
        if self.error is not None:
            log.info("net_events_heard_again")
        self.error = None
        self.is_known = True
        self._tried.set()
        self.ingest()

    def _keep(self, event: NetEvent) -> None:
        self._kept.append(event)
        self.buffer.add(event)
        self.notifier.notify_all()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(
            work, abandon_on_cancel=True, limiter=self._one_thread
        )

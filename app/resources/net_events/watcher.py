"""A watch of net events: what one client is told, from some event on."""

from __future__ import annotations

from app.api.sse import format_event
from app.repository.notifier import Notifier
from app.resources.net_events.buffer import EventId, NetEventSelection
from app.resources.net_events.collector import NetEventCollector


BATCH_EVENTS = 100
"""How many are joined, at most, into one piece of a stream."""


class NetEventWatcher:
    """The net events for one client. Belongs to one event loop.

    Where events after the one that the client knows may have been let go, or it is of another
    run of the server, the client is told by `reset`, and then what happens from there on.
    """

    def __init__(
        self, net_events: NetEventCollector, selection: NetEventSelection, after: EventId | None
    ) -> None:
        """Make a watch, which is yet to begin.

        Args:
            net_events: whose.
            selection: of what types, with whom.
            after: what the client knows of; None: nothing, and it wants what is to come.
        """
        self._net_events = net_events
        self._selection = selection
        self._after = after
        self._sent = after

    @property
    def notifier(self) -> Notifier:
        """Tells when there may be more."""
        return self._net_events.notifier

    @property
    def lag(self) -> int:
        """How many events, asked for or not, the client is behind."""
        return 0 if self._after is None else self._net_events.buffer.lag(self._after)

    async def begin(self) -> None:
        """Begin where the client is; where it knows of nothing, with what is to come.

        Raises:
            EngineError, EngineTimedOut, ShuttingDown: as for `NetEventCollector.wait_until_ready`.
        """
        await self._net_events.wait_until_ready()
        if self._after is None:
            self._after = self._net_events.buffer.newest

    async def next_batch(self) -> bytes | None:
        """The text of what comes next; None where there is nothing yet."""
        ring = self._net_events.buffer
        if self._after is None or ring.has_gap_after(self._after):
            self._after = ring.newest
            return self._position("reset")
        events = ring.after(self._after, BATCH_EVENTS)
        if not events:
            return None
        self._after = EventId(ring.epoch, events[-1].number)
        wanted = [each for each in events if self._selection.matches(each)]
        if not wanted:
            return None if len(events) < BATCH_EVENTS else b":\n\n"
        self._sent = EventId(ring.epoch, wanted[-1].number)
        return b"".join(
            format_event("net_event", str(EventId(ring.epoch, each.number)), each.text)
            for each in wanted
        )

    def bookmark(self) -> bytes | None:
        """An event that only tells where the stream is; None where the client knows."""
        return None if self._sent == self._after else self._position("bookmark")

    def close(self) -> None:
        """Nothing is held."""

    def _position(self, kind: str) -> bytes:
        self._sent = self._after
        return format_event(kind, str(self._after), b"{}")

"""Watchers: the net events that follow a client's position."""

from __future__ import annotations

from app.api.sse import KEEP_ALIVE, format_event, format_timed
from app.repository.notifier import Notifier
from app.resources.net_events.buffer import EventId, NetEventSelection
from app.resources.net_events.collector import NetEventCollector


BATCH_EVENTS = 100
"""Maximum number of events in one batch of a stream."""


class NetEventWatcher:
    """The net events for one client. Belongs to one event loop.

    If events after the client's position may be lost, or the position belongs to another epoch,
    the watcher sends `reset` and continues with new events.
    """

    def __init__(
        self, net_events: NetEventCollector, selection: NetEventSelection, after: EventId | None
    ) -> None:
        """Create a watcher. Call `begin` before the other methods.

        Args:
            net_events: the collector to watch.
            selection: types and peers of the events to send.
            after: the client's position; None to begin with new events.
        """
        self._net_events = net_events
        self._selection = selection
        self._after = after
        self._sent = after

    @property
    def notifier(self) -> Notifier:
        """The notifier that signals new events."""
        return self._net_events.notifier

    @property
    def lag(self) -> int:
        """Number of events, selected or not, after the client's position."""
        return 0 if self._after is None else self._net_events.buffer.lag(self._after)

    @property
    def sent(self) -> int:
        """Number of the newest event that has been sent, or skipped by the selection."""
        return 0 if self._after is None else self._after.number

    async def begin(self) -> None:
        """Begin at the client's position, or with new events if it has none.

        Raises:
            EngineError, EngineTimedOut, ShuttingDown: as for `NetEventCollector.wait_until_ready`.
        """
        await self._net_events.wait_until_ready()
        if self._after is None:
            self._after = self._net_events.buffer.newest

    async def next_batch(self) -> bytes | None:
        """Return the next batch as Server-Sent Events, or None if there are no new events.

        If a full batch contains no selected event, return `KEEP_ALIVE`: after None, the stream
        would wait, although more events may be in the buffer.
        """
        buffer = self._net_events.buffer
        if self._after is None or buffer.has_gap_after(self._after):
            self._after = buffer.newest
            return self._position("reset")
        events = buffer.after(self._after, BATCH_EVENTS)
        if not events:
            return None
        self._after = EventId(buffer.epoch, events[-1].number)
        matching = [event for event in events if self._selection.matches(event)]
        if not matching:
            return None if len(events) < BATCH_EVENTS else KEEP_ALIVE
        self._sent = EventId(buffer.epoch, matching[-1].number)
        return b"".join(
            format_event("net_event", str(EventId(buffer.epoch, event.number)), event.json)
            for event in matching
        )

    def bookmark(self) -> bytes | None:
        """Return an event with the stream's position, or None if the client knows it."""
        return None if self._sent == self._after else self._position("bookmark")

    def close(self) -> None:
        """Do nothing: a watcher owns no resources."""

    def _position(self, kind: str) -> bytes:
        self._sent = self._after
        return format_timed(kind, str(self._after))

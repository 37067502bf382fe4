"""The state of a watch: the current contexts and their recent changes."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from app.cli.printable import printable
from app.cli.rows import Row, row_of
from app.cli.watch.stream import Connected, Event, Lost


FRESH_SECONDS: Final = 5.0
"""How long a change is highlighted, and how long a deleted context is still shown."""


class Shown(NamedTuple):
    """A displayed context.

    Attributes:
        row: its row.
        change: its last change; empty if it has not changed during the watch.
        at: the time of the change in seconds, on the clock of `Contexts`.
        time: the time of the change in UTC; None if the context has not changed.
        partner: after a rekey, the id of the context that this one replaced or was replaced by;
            otherwise empty.
        reason: why a deleted context probably ended; empty if it no longer matches the filters.
    """

    row: Row
    change: str = ""
    at: float = float("-inf")
    time: datetime | None = None
    partner: str = ""
    reason: str = ""


class Contexts:
    """The contexts according to the events so far.

    Attributes:
        rows: the displayed contexts by id, the most recently changed first. They include contexts
            that were deleted less than `FRESH_SECONDS` ago.
        connection: the last message about the connection; None before the first.
        resets: the number of `reset` events so far.
        last_change: the time of the last change in UTC; None if there was none.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.rows: OrderedDict[str, Shown] = OrderedDict()
        self.connection: Connected | Lost | None = None
        self.resets = 0
        self.last_change: datetime | None = None
        self._clock = clock
        self._deleted: deque[tuple[float, str]] = deque()
        self._initial_ids: set[str] | None = None  # None unless a snapshot is being received

    def __len__(self) -> int:
        """Return the number of contexts, not counting deleted ones that are still shown."""
        return len(self.rows) - len(self._deleted)

    def apply(self, message: Connected | Lost | Event) -> Shown | None:
        """Apply a message; return the context that it added, modified or deleted, if any."""
        if isinstance(message, Event):
            return self._apply_event(message)
        self.connection = message
        if isinstance(message, Connected) and message.is_initial:
            self._initial_ids = set()
        return None

    def drop_expired(self) -> None:
        """Remove contexts that were deleted `FRESH_SECONDS` ago or earlier."""
        limit = self._clock() - FRESH_SECONDS
        while self._deleted and self._deleted[0][0] <= limit:
            _, sa_context_id = self._deleted.popleft()
            del self.rows[sa_context_id]

    def is_fresh(self, shown: Shown) -> bool:
        """Return whether the context changed less than `FRESH_SECONDS` ago."""
        return self._clock() - shown.at < FRESH_SECONDS

    def _apply_event(self, event: Event) -> Shown | None:
        match event.kind:
            case "added" | "modified":
                return self._put(event)
            case "deleted":
                return self._remove(event)
            case "reset":
                self.resets += 1
                self._initial_ids = set()
            case "snapshot_end":
                self._end_snapshot()
        return None

    def _put(self, event: Event) -> Shown:
        row = row_of(event.data["saContext"])
        self._drop_deleted(row.sa_context_id)
        if self._initial_ids is not None:
            self._initial_ids.add(row.sa_context_id)
            before = self.rows.get(row.sa_context_id)
            if before is None or before.row != row:
                self.rows[row.sa_context_id] = Shown(row)
            return self.rows[row.sa_context_id]
        partner = printable(event.data.get("rekey", {}).get("replaces", ""))
        self._drop_deleted(partner)  # show a rekey as one row
        return self._record_change(row, event, partner)

    def _remove(self, event: Event) -> Shown | None:
        sa_context_id = event.data["saContextId"]
        before = self.rows.get(sa_context_id)
        if before is None or before.change == "deleted":
            return None
        partner = printable(event.data.get("rekey", {}).get("replacedBy", ""))
        reason = printable(event.data.get("endReason", ""))
        shown = self._record_change(before.row, event, partner, reason)
        self._deleted.append((shown.at, sa_context_id))
        successor = self.rows.get(partner)
        if successor is not None and successor.change != "deleted":
            self._drop_deleted(sa_context_id)
            self._record_change(successor.row, event._replace(kind="added"), sa_context_id)
        return shown

    def _record_change(self, row: Row, event: Event, partner: str, reason: str = "") -> Shown:
        self.last_change = event.time
        shown = Shown(row, event.kind, self._clock(), event.time, partner, reason)
        self.rows[row.sa_context_id] = shown
        self.rows.move_to_end(row.sa_context_id, last=False)
        return shown

    def _drop_deleted(self, sa_context_id: str) -> None:
        shown = self.rows.get(sa_context_id)
        if shown is not None and shown.change == "deleted":
            self._deleted.remove((shown.at, sa_context_id))
            del self.rows[sa_context_id]

    def _end_snapshot(self) -> None:
        if self._initial_ids is None:
            return
        for sa_context_id in self.rows.keys() - self._initial_ids:
            self._drop_deleted(sa_context_id)
            self.rows.pop(sa_context_id, None)
        self._initial_ids = None

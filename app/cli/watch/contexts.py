"""The contexts that a watch knows of, and what happened to them lately."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from app.cli.printable import printable
from app.cli.rows import Row, row_of
from app.cli.watch.client import Connected, Event, Lost


FRESH_SECONDS: Final = 5.0
"""How long a change is shown as new, and what is gone still shown."""


class Shown(NamedTuple):
    """A context as it is shown.

    Attributes:
        row: its line.
        change: what happened to it last; empty where nothing did since the watch began.
        at: when, in seconds of the watch's clock.
        time: when, for people.
        partner: the context whose place it took, or that took its place.
    """

    row: Row
    change: str = ""
    at: float = float("-inf")
    time: datetime | None = None
    partner: str = ""


class Contexts:
    """What is known by the events so far.

    Attributes:
        rows: by id; those to which something happened last come first.
        connection: what the last word on the connection was.
        resets: how often the server said that what was known means nothing any more.
        last_change: when something changed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.rows: OrderedDict[str, Shown] = OrderedDict()
        self.connection: Connected | Lost | None = None
        self.resets = 0
        self.last_change: datetime | None = None
        self._clock = clock
        self._gone: deque[tuple[float, str]] = deque()
        self._told: set[str] | None = None

    def __len__(self) -> int:
        """How many there are; what is gone and still shown is not counted."""
        return len(self.rows) - len(self._gone)

    def take(self, word: Connected | Lost | Event) -> Shown | None:
        """Let it change what is known; what happened to a context, where that is what it tells."""
        if isinstance(word, Event):
            return self._take_event(word)
        self.connection = word
        if isinstance(word, Connected) and word.is_anew:
            self._told = set()
        return None

    def forget_gone(self) -> None:
        """Show no longer what has been gone for a while."""
        limit = self._clock() - FRESH_SECONDS
        while self._gone and self._gone[0][0] <= limit:
            _, sa_context_id = self._gone.popleft()
            del self.rows[sa_context_id]

    def is_fresh(self, shown: Shown) -> bool:
        """Whether something happened to it only just now."""
        return self._clock() - shown.at < FRESH_SECONDS

    def _take_event(self, event: Event) -> Shown | None:
        match event.kind:
            case "added" | "modified":
                return self._put(event)
            case "deleted":
                return self._remove(event)
            case "reset":
                self.resets += 1
                self._told = set()
            case "snapshot_end":
                self._keep_what_was_told()
        return None

    def _put(self, event: Event) -> Shown:
        row = row_of(event.data["saContext"])
        self._drop_gone(row.sa_context_id)
        if self._told is not None:
            self._told.add(row.sa_context_id)
            before = self.rows.get(row.sa_context_id)
            if before is None or before.row != row:
                self.rows[row.sa_context_id] = Shown(row)
            return self.rows[row.sa_context_id]
        partner = printable(event.data.get("rekey", {}).get("replaces", ""))
        self._drop_gone(partner)  # one line for both
        return self._happened(row, event.kind, partner)

    def _remove(self, event: Event) -> Shown | None:
        sa_context_id = event.data["saContextId"]
        before = self.rows.get(sa_context_id)
        if before is None or before.change == "deleted":
            return None
        partner = printable(event.data.get("rekey", {}).get("replacedBy", ""))
        shown = self._happened(before.row, "deleted", partner)
        self._gone.append((shown.at, sa_context_id))
        successor = self.rows.get(partner)
        if successor is not None and successor.change != "deleted":
            self._drop_gone(sa_context_id)
            self._happened(successor.row, "added", sa_context_id)
        return shown

    def _happened(self, row: Row, change: str, partner: str) -> Shown:
        self.last_change = datetime.now(UTC)
        shown = Shown(row, change, self._clock(), self.last_change, partner)
        self.rows[row.sa_context_id] = shown
        self.rows.move_to_end(row.sa_context_id, last=False)
        return shown

    def _drop_gone(self, sa_context_id: str) -> None:
        shown = self.rows.get(sa_context_id)
        if shown is not None and shown.change == "deleted":
            self._gone.remove((shown.at, sa_context_id))
            del self.rows[sa_context_id]

    def _keep_what_was_told(self) -> None:
        if self._told is None:
            return
        for sa_context_id in self.rows.keys() - self._told:
            self._drop_gone(sa_context_id)
            self.rows.pop(sa_context_id, None)
        self._told = None

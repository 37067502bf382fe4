"""Feeds: what changed, as events of which each is made once for all who watch the same."""

from __future__ import annotations

from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import anyio

from app.repository.changes.journal import Journal, Position
from app.repository.query.filters import Selection
from app.repository.resource import ResourceKind
from app.repository.snapshot.model import Change
from app.schemas.names import View


BATCH_BYTES: Final = 128 << 10
"""How long the text of a batch may get before another begins."""
MAX_CHANGES: Final = 250
"""How many changes are looked at for a batch: less than a millisecond's worth."""
MAX_BATCHES: Final = 4
"""How many batches a feed keeps for others; who is further behind has its own made."""


class Batch(NamedTuple):
    """Events that follow a place.

    Attributes:
        in_view: of the events; empty where nothing that matters changed.
        position: up to where they tell what changed; more may follow.
    """

    text: bytes
    position: Position


class EventFeed:
    """The events of a selection, in one view. Belongs to one event loop.

    Who watches is at some place in the journal, most of them at the same: what
    follows it is made once.
    """

    def __init__(
        self,
        journal: Journal,
        kind: ResourceKind,
        selection: Selection,
        view: View,
        catch_up_lock: anyio.Lock | None = None,
    ) -> None:
        """Make the feed of what changes among the objects of a selection.

        Args:
            journal: where changes are.
            kind: of what.
            selection: of which objects.
            view: how much of each.
            catch_up_lock: who is far behind looks for what concerns it by turns, with this.
        """
        self.catch_up_lock = catch_up_lock or anyio.Lock()
        self.selection = selection
        self.encoder = kind.events
        self._kind = kind
        self.view = view
        self._journal = journal
        self._matches = selection.matcher()
        self._batches: dict[Position, Batch] = {}
        self._batches_of = ("", 0)

    def after(self, epoch: str, place: Position) -> Batch | None:
        """What changed after a place; None where that is not known any more, or never was."""
        now = (self._journal.epoch, self._journal.newest)
        if now != self._batches_of:
            self._batches, self._batches_of = {}, now
        elif epoch == self._journal.epoch and place in self._batches:
            return self._batches[place]
        batch = self._encode(epoch, place)
        if batch is not None:
            self._batches[place] = batch
            if len(self._batches) > MAX_BATCHES:
                del self._batches[next(iter(self._batches))]
        return batch

    def in_view(self, body: bytes) -> bytes:
        """An object's text in the feed's view."""
        return self._kind.basic_view(body) if self.view is View.BASIC else body

    def _encode(self, epoch: str, place: Position) -> Batch | None:
        differences = self._journal.changes_after(epoch, place, MAX_CHANGES + 1)
        if differences is None:
            return None
        events: list[bytes] = []
        size = looked_at = 0
        for revision, changes in differences:
            taken = (place.taken or 0) if revision == place.revision else 0
            for number, change in enumerate(changes[taken:], taken + 1):
                at = Position(revision, number if number < len(changes) else None)
                event = self._event(change, epoch, at)
                if event is not None:
                    events.append(event)
                    size += len(event)
                looked_at += 1
                if size >= BATCH_BYTES or looked_at == MAX_CHANGES:
                    return Batch(b"".join(events), at)
        return Batch(b"".join(events), Position(self._journal.newest))

    def _event(self, change: Change, epoch: str, at: Position) -> bytes | None:
        """The event of a change; None where neither what was nor what is now is selected."""
        kind, object_id, entry, before, partner = change
        was = before is not None and self._matches(before)
        body = None
        if entry is not None and self._matches(entry.index_key):
            kind = "modified" if was else "added"
            body = self.in_view(entry.json)
        elif was:
            kind = "deleted"
        else:
            return None
        return self.encoder.change(kind, at.event_id(epoch), at.revision, object_id, body, partner)


class EventFeeds:
    """The feeds that somebody watches."""

    def __init__(self, journal: Journal, kind: ResourceKind) -> None:
        self._journal = journal
        self._kind = kind
        self._catch_up_lock = anyio.Lock()
        self._feeds: WeakValueDictionary[tuple[Selection, View], EventFeed] = WeakValueDictionary()

    def get(self, selection: Selection, view: View) -> EventFeed:
        """The feed of a selection, the same for all as long as one of them keeps it."""
        feed = self._feeds.get((selection, view))
        if feed is None:
            feed = self._feeds[selection, view] = EventFeed(
                self._journal, self._kind, selection, view, self._catch_up_lock
            )
        return feed

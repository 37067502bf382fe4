"""Feeds: what changed, as events of which each is made once for all who watch the same."""

from __future__ import annotations

from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import anyio

from app.repository.changes.journal import Journal, Place
from app.repository.query.filters import Selection
from app.repository.resource import Kind
from app.repository.snapshot.model import Change
from app.schemas.names import View


BATCH_BYTES: Final = 128 << 10
"""How long the text of a batch may get before another begins."""
MOST_CHANGES: Final = 250
"""How many changes are looked at for a batch: less than a millisecond's worth."""
MOST_MADE: Final = 4
"""How many batches a feed keeps for others; who is further behind has its own made."""


class Batch(NamedTuple):
    """Events that follow a place.

    Attributes:
        text: of the events; empty where nothing that matters changed.
        place: up to where they tell what changed; more may follow.
    """

    text: bytes
    place: Place


class Feed:
    """The events of a selection, in one view. Belongs to one event loop.

    Who watches is at some place in the journal, most of them at the same: what
    follows it is made once.
    """

    def __init__(
        self,
        journal: Journal,
        kind: Kind,
        selection: Selection,
        view: View,
        turns: anyio.Lock | None = None,
    ) -> None:
        """Make the feed of what changes among the objects of a selection.

        Args:
            journal: where changes are.
            kind: of what.
            selection: of which objects.
            view: how much of each.
            turns: who is far behind looks for what concerns it by turns, with this.
        """
        self.turns = turns or anyio.Lock()
        self.selection = selection
        self.encoder = kind.events
        self._kind = kind
        self.view = view
        self._journal = journal
        self._matches = selection.matcher()
        self._made: dict[Place, Batch] = {}
        self._made_at = ("", 0)

    def after(self, epoch: str, place: Place) -> Batch | None:
        """What changed after a place; None where that is not known any more, or never was."""
        now = (self._journal.epoch, self._journal.newest)
        if now != self._made_at:
            self._made, self._made_at = {}, now
        elif epoch == self._journal.epoch and place in self._made:
            return self._made[place]
        batch = self._make(epoch, place)
        if batch is not None:
            self._made[place] = batch
            if len(self._made) > MOST_MADE:
                del self._made[next(iter(self._made))]
        return batch

    def text(self, body: bytes) -> bytes:
        """An object's text in the feed's view."""
        return self._kind.basic_view(body) if self.view is View.BASIC else body

    def _make(self, epoch: str, place: Place) -> Batch | None:
        differences = self._journal.since(epoch, place, MOST_CHANGES + 1)
        if differences is None:
            return None
        events: list[bytes] = []
        size = looked_at = 0
        for revision, changes in differences:
            taken = (place.taken or 0) if revision == place.revision else 0
            for number, change in enumerate(changes[taken:], taken + 1):
                at = Place(revision, number if number < len(changes) else None)
                event = self._event(change, epoch, at)
                if event is not None:
                    events.append(event)
                    size += len(event)
                looked_at += 1
                if size >= BATCH_BYTES or looked_at == MOST_CHANGES:
                    return Batch(b"".join(events), at)
        return Batch(b"".join(events), Place(self._journal.newest))

    def _event(self, change: Change, epoch: str, at: Place) -> bytes | None:
        """The event of a change; None where neither what was nor what is now is selected."""
        kind, object_id, entry, before, partner = change
        was = before is not None and self._matches(before)
        body = None
        if entry is not None and self._matches(entry.key):
            kind = "modified" if was else "added"
            body = self.text(entry.body)
        elif was:
            kind = "deleted"
        else:
            return None
        return self.encoder.change(kind, at.event_id(epoch), at.revision, object_id, body, partner)


class Feeds:
    """The feeds that somebody watches."""

    def __init__(self, journal: Journal, kind: Kind) -> None:
        self._journal = journal
        self._kind = kind
        self._turns = anyio.Lock()
        self._feeds: WeakValueDictionary[tuple[Selection, View], Feed] = WeakValueDictionary()

    def of(self, selection: Selection, view: View) -> Feed:
        """The feed of a selection, the same for all as long as one of them keeps it."""
        feed = self._feeds.get((selection, view))
        if feed is None:
            feed = self._feeds[selection, view] = Feed(
                self._journal, self._kind, selection, view, self._turns
            )
        return feed

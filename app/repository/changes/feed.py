"""Feeds: the journal's changes as events, encoded once for all watchers of a selection and view."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from app.repository.changes.journal import Journal, Position
from app.repository.fairness import FairLimiter
from app.repository.query.filters import Selection
from app.repository.resource import ListKind
from app.repository.snapshot.model import Change
from app.schemas.names import View


BATCH_BYTES: Final = 128 << 10
"""Size at which a batch ends."""
MAX_CHANGES: Final = 250
"""Maximum number of changes to examine per batch, which takes less than a millisecond."""
MAX_BATCHES: Final = 4
"""Maximum number of batches that a feed caches; an evicted one is encoded again if needed."""


class Batch(NamedTuple):
    """The events that follow a position.

    Attributes:
        text: the events in the feed's view; empty if no selected object changed.
        position: the position after the batch; more changes may follow it.
    """

    text: bytes
    position: Position


class EventFeed:
    """The events of one selection in one view. Belongs to one event loop.

    Most watchers are at the same position, so the batch after it is encoded once and cached.
    """

    def __init__(
        self,
        journal: Journal,
        kind: ListKind,
        selection: Selection,
        view: View,
        catch_up: FairLimiter | None = None,
    ) -> None:
        """Create the feed of one selection in one view.

        Args:
            journal: the changes.
            kind: the resource.
            selection: the objects to include.
            view: the view of each object.
            catch_up: its seat is occupied by a watcher that skips unselected changes; None: a new
                limiter.
        """
        self.catch_up = catch_up or FairLimiter(1)
        self.selection = selection
        self.encoder = kind.events
        self._kind = kind
        self.view = view
        self._journal = journal
        self._matches = selection.matcher()
        self._batches: dict[Position, Batch] = {}
        self._batches_end = ("", 0)

    def after(self, epoch: str, position: Position) -> Batch | None:
        """Return the batch after a position; None if the position is expired or unknown."""
        end = (self._journal.epoch, self._journal.newest)
        if end != self._batches_end:
            self._batches, self._batches_end = {}, end
        elif epoch == self._journal.epoch and position in self._batches:
            return self._batches[position]
        batch = self._encode(epoch, position)
        if batch is not None:
            self._batches[position] = batch
            if len(self._batches) > MAX_BATCHES:
                del self._batches[next(iter(self._batches))]
        return batch

    def in_view(self, json: bytes) -> bytes:
        """Return an object's JSON text in the feed's view."""
        return json if self.view is View.FULL else self._kind.in_view(json, self.view)

    def _encode(self, epoch: str, position: Position) -> Batch | None:
        revisions = self._journal.changes_after(epoch, position, MAX_CHANGES + 1)
        if revisions is None:
            return None
        events: list[bytes] = []
        size = examined = 0
        for revision, changes, time in revisions:
            seen = (position.change_count or 0) if revision == position.revision else 0
            for count, change in enumerate(changes[seen:], seen + 1):
                next_position = Position(revision, count if count < len(changes) else None)
                event = self._event(change, epoch, next_position, time)
                if event is not None:
                    events.append(event)
                    size += len(event)
                examined += 1
                if size >= BATCH_BYTES or examined == MAX_CHANGES:
                    return Batch(b"".join(events), next_position)
        return Batch(b"".join(events), Position(self._journal.newest))

    def _event(
        self, change: Change, epoch: str, position: Position, time: datetime
    ) -> bytes | None:
        """Return the event of a change; None if the object matched neither before nor after."""
        kind, object_id, item, old_index_key, rekey_of, ending = change
        matched_before = old_index_key is not None and self._matches(old_index_key)
        json = None
        if item is not None and self._matches(item.index_key):
            kind = "modified" if matched_before else "added"
            json = self.in_view(item.json)
        elif matched_before:
            kind = "deleted"
        else:
            return None
        return self.encoder.change(
            kind,
            position.event_id(epoch),
            position.revision,
            object_id,
            json,
            rekey_of,
            time=time,
            old_index_key=old_index_key,
            ending=ending,
        )


class EventFeeds:
    """The feeds that have watchers."""

    def __init__(self, journal: Journal, kind: ListKind) -> None:
        self._journal = journal
        self._kind = kind
        self._catch_up = FairLimiter(1)
        self._feeds: WeakValueDictionary[tuple[Selection, View], EventFeed] = WeakValueDictionary()

    def __len__(self) -> int:
        """Return the number of feeds that have watchers."""
        return len(self._feeds)

    def get(self, selection: Selection, view: View) -> EventFeed:
        """Return the feed of a selection and view, which all of its watchers share."""
        feed = self._feeds.get((selection, view))
        if feed is None:
            feed = self._feeds[selection, view] = EventFeed(
                self._journal, self._kind, selection, view, self._catch_up
            )
        return feed

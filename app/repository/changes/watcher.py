"""Watchers: the events of a selection for one client, starting at the client's position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import anyio.lowlevel

from app.repository.changes.feed import BATCH_BYTES, Batch, EventFeed
from app.repository.changes.journal import Position
from app.repository.notifier import Notifier
from app.repository.query.match_cache import MatchCache
from app.repository.snapshot.leases import TooManySnapshots
from app.repository.snapshot.model import Snapshot
from app.repository.snapshot.source import SnapshotSource


class Watcher:
    """The events for one client. Belongs to one event loop.

    If the client's position is expired or unknown, the client gets a `reset`, followed by
    all selected objects if it wants initial items. Then it gets every change since the
    newest snapshot, because a list that it requests after the reset may show that snapshot. It
    also gets a `reset` if the pin of its initial items is evicted.
    """

    def __init__(
        self,
        store: SnapshotSource,
        feed: EventFeed,
        match_cache: MatchCache,
        *,
        after: tuple[str, Position] | None = None,
        is_initial: bool = False,
    ) -> None:
        """Create a watcher, which has no events before `begin`.

        Args:
            store: the objects.
            feed: the events of the selection.
            match_cache: finds the selected objects in snapshots.
            after: the client's epoch and position; None if it has none.
            is_initial: whether a client without a usable position first gets all selected objects.
        """
        self._store = store
        self._feed = feed
        self._match_cache = match_cache
        self._is_initial = is_initial
        self._sent = after
        self._epoch, self._position = after or ("", Position(0))
        self._initial_items: Iterator[bytes] | None = None
        self._is_evicted = False
        self._pin = ExitStack()

    @property
    def notifier(self) -> Notifier:
        """The notifier of new events."""
        return self._store.notifier

    @property
    def lag(self) -> int:
        """The number of revisions that have not been sent to the client."""
        return self._store.journal.lag(self._epoch, self._position)

    @property
    def sent(self) -> int:
        """The newest revision of which all changes have been sent to the client."""
        return self._position.complete_revision

    async def begin(self) -> None:
        """Begin at the client's position; if it has none, at the newest snapshot.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
                `Store.snapshot_at_most`.
            TooManySnapshots: the snapshot of the initial items cannot be pinned.
        """
        if self._sent is None:
            await self._begin_with(self._store.current or await self._store.snapshot_at_most(1.0))

    async def next_batch(self) -> bytes | None:
        """Return the next events; None if there are none yet."""
        if self._is_evicted:
            return await self._reset()
        if self._initial_items is not None:
            text = next(self._initial_items, None)
            if text is None:
                self._initial_items = None
                self._pin.close()
                text = self._event("snapshot_end")
            return text
        batch = self._feed.after(self._epoch, self._position)
        if self._can_skip(batch):
            async with self._feed.catch_up.seat():
                while batch is not None and self._can_skip(batch):
                    self._position = batch.position
                    await anyio.lowlevel.checkpoint()  # skipping may take long
                    batch = self._feed.after(self._epoch, self._position)
        if batch is None:
            if self._store.is_pending(self._epoch, self._position.revision):
                return None
            return await self._reset()
        self._position = batch.position
        if not batch.text:
            return None
        self._sent = (self._epoch, self._position)
        return batch.text

    def bookmark(self) -> bytes | None:
        """Return an event with the position; None if the client has it or initial items follow."""
        if self._initial_items is not None or self._sent == (self._epoch, self._position):
            return None
        return self._event("bookmark")

    def close(self) -> None:
        """Unpin the snapshot."""
        self._pin.close()

    def _can_skip(self, batch: Batch | None) -> bool:
        """Return whether a batch has no events for the client and is not the last."""
        return (
            batch is not None
            and not batch.text
            and batch.position != Position(self._store.journal.newest)
        )

    async def _reset(self) -> bytes | None:
        """Begin again at the newest snapshot and return the `reset` event.

        Return None if there is no snapshot, if the journal lacks changes since the snapshot, or if
        the snapshot cannot be pinned. The next `next_batch` tries again.
        """
        snapshot = self._store.current
        if snapshot is None or not self._store.journal_covers(snapshot):
            return None
        with suppress(TooManySnapshots):
            await self._begin_with(snapshot)
            return self._event("reset")
        return None

    async def _begin_with(self, snapshot: Snapshot) -> None:
        if self._is_initial:
            self._pin.close()
            self._pin.enter_context(self._store.leases.pin(snapshot, self._stop_initial_items))
            self._is_evicted = False
            matches = await self._match_cache.matches(snapshot, self._feed.selection)
            self._initial_items = self._items_of(snapshot, matches.positions)
        self._epoch, self._position = snapshot.epoch, Position(snapshot.revision)

    def _stop_initial_items(self) -> None:
        """Release the snapshot of the initial items at once, even if the client is not reading."""
        self._is_evicted = True
        self._initial_items = iter(())

    def _items_of(self, snapshot: Snapshot, positions: Sequence[int]) -> Iterator[bytes]:
        """Yield the `added` events of all objects, in batches.

        They have no id, because a client that is interrupted here must start over.
        """
        events: list[bytes] = []
        size = 0
        for position in positions:
            json = self._feed.in_view(snapshot.blocks[position])
            events.append(
                self._feed.encoder.change(
                    "added",
                    None,
                    snapshot.revision,
                    snapshot.ids[position],
                    json,
                    time=snapshot.taken_at,
                )
            )
            size += len(events[-1])
            if size >= BATCH_BYTES:
                yield b"".join(events)
                events, size = [], 0
        if events:
            yield b"".join(events)

    def _event(self, kind: str) -> bytes:
        """Return an event with the stream's position; it has no id while initial items follow."""
        event_id = None
        if self._initial_items is None:
            self._sent = (self._epoch, self._position)
            event_id = self._position.event_id(self._epoch)
        return self._feed.encoder.position(kind, event_id, self._epoch, self._position.revision)

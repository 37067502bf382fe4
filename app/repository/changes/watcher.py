"""A watch: what one client is told of a selection of contexts, from some place on."""

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
from app.repository.store import Store


class Watcher:
    """The events for one client. Belongs to one event loop.

    Where what the client knows is not in the journal any more, or never was, it is told to
    begin anew: by `reset`, and, where it wants everything at first, all of it behind that.
    What changed since the newest version is told in any case, for a list that the client
    reads then may show that version.
    """

    def __init__(
        self,
        store: Store,
        feed: EventFeed,
        match_cache: MatchCache,
        *,
        after: tuple[str, Position] | None = None,
        is_initial: bool = False,
    ) -> None:
        """Make a watch, which is yet to begin.

        Args:
            store: whose contexts.
            feed: of the selection.
            match_cache: where in versions selections are found.
            after: the epoch and the place that the client knows of.
            is_initial: whether it wants all contexts where it knows of none.
        """
        self._store = store
        self._feed = feed
        self._match_cache = match_cache
        self._is_initial = is_initial
        self._sent = after
        self._epoch, self._position = after or ("", Position(0))
        self._initial_items: Iterator[bytes] | None = None
        self._held = ExitStack()

    @property
    def notifier(self) -> Notifier:
        """Tells when there may be more."""
        return self._store.notifier

    @property
    def lag(self) -> int:
        """How many revisions the client is behind."""
        return self._store.journal.lag(self._epoch, self._position)

    async def begin(self) -> None:
        """Begin where the client is; where it knows of nothing, with what is now.

        Raises:
            EngineError, EngineTimedOut, TooManySnapshots: there is nothing to begin with.
        """
        if self._sent is None:
            await self._begin_with(self._store.current or await self._store.snapshot_at_most(1.0))

    async def next_batch(self) -> bytes | None:
        """The text of what comes next; None where there is nothing yet."""
        if self._initial_items is not None:
            text = next(self._initial_items, None)
            if text is None:
                self._initial_items = None
                self._held.close()
                text = self._event("snapshot_end")
            return text
        batch = self._feed.after(self._epoch, self._position)
        if self._is_passed_over(batch):
            async with self._feed.catch_up_lock:
                while batch is not None and self._is_passed_over(batch):
                    self._position = batch.position
                    await anyio.lowlevel.checkpoint()  # many may have much to pass over
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
        """An event that only tells where the stream is; None where the client knows."""
        is_told = self._initial_items is not None or self._sent == (self._epoch, self._position)
        return None if is_told else self._event("bookmark")

    def close(self) -> None:
        """Hold nothing any longer."""
        self._held.close()

    def _is_passed_over(self, batch: Batch | None) -> bool:
        """Whether nothing in a batch concerns the client, and more follows."""
        return (
            batch is not None
            and not batch.text
            and batch.position != Position(self._store.journal.newest)
        )

    async def _reset(self) -> bytes | None:
        """Begin anew with the newest version, once the journal knows what came after it."""
        version = self._store.current
        if version is None or not self._store.journal_covers(version):
            return None
        with suppress(TooManySnapshots):
            await self._begin_with(version)
            return self._event("reset")
        return None

    async def _begin_with(self, version: Snapshot) -> None:
        if self._is_initial:
            self._held.close()
            self._held.enter_context(self._store.leases.pin(version))
            positions = await self._match_cache.positions(version, self._feed.selection)
            self._initial_items = self._items_of(version, positions)
        self._epoch, self._position = version.epoch, Position(version.revision)

    def _items_of(self, version: Snapshot, positions: Sequence[int]) -> Iterator[bytes]:
        """Every context, as one that was added; a client that is interrupted begins anew."""
        events: list[bytes] = []
        size = 0
        for at in positions:
            body = self._feed.in_view(version.blocks[at])
            events.append(
                self._feed.encoder.change("added", None, version.revision, version.ids[at], body)
            )
            size += len(events[-1])
            if size >= BATCH_BYTES:
                yield b"".join(events)
                events, size = [], 0
        if events:
            yield b"".join(events)

    def _event(self, kind: str) -> bytes:
        """An event that tells where the stream is."""
        event_id = None
        if self._initial_items is None:
            self._sent = (self._epoch, self._position)
            event_id = self._position.event_id(self._epoch)
        return self._feed.encoder.position(kind, event_id, self._epoch, self._position.revision)

"""Building a snapshot object by object, and finding the changes since the current state.

How unchanged objects stay cheap: an object whose fingerprint is unchanged is not decoded,
and an item that is unchanged keeps its text in the previous snapshot's block. Previous
objects that the refresh does not find have been deleted.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import pairwise
from typing import Final

from app.repository.counts import Counts, Uncounted
from app.repository.query.filters import Key
from app.repository.snapshot.blocks import JsonBlocksBuilder
from app.repository.snapshot.model import Change, Item, Snapshot, fingerprint_at
from app.repository.snapshot.state import CurrentState, Override, SnapshotBuild


SORT_BATCH: Final = 8192
"""Number of positions per sort, which holds the GIL for some milliseconds."""


class SnapshotBuilder:
    """Builds one snapshot from objects in any order.

    If an id is added twice, the second object is ignored.

    Attributes:
        annotations: the annotations of the snapshot.
    """

    def __init__(
        self,
        epoch: str,
        taken_at: datetime,
        started: float,
        *,
        previous: CurrentState | None = None,
        counts: Counts | None = None,
        max_change_bytes: int = 64 << 20,
    ) -> None:
        """Start a build.

        Args:
            epoch: identifies the engine's run.
            taken_at: when the refresh started, in UTC.
            started: when the refresh started, on the store's clock.
            previous: the current state if it belongs to this epoch; it must not change during
                the build.
            counts: empty counts, used if there is no previous state.
            max_change_bytes: the maximum size of all changed texts together; above it,
                `SnapshotBuild.changes` is None.
        """
        self.annotations: Mapping[str, str] = {}
        self._epoch, self._taken_at, self._started = epoch, taken_at, started
        self._revision = 1 if previous is None else previous.revision + 1
        self._previous = None if previous is None else previous.build
        self._unseen: dict[int, int] = {}
        self._unseen_overrides: dict[int, Override] = {}
        if previous is not None:
            ids = previous.build.snapshot.ids
            self._unseen = dict(zip(ids, range(len(ids)), strict=True))
            for object_id, override in previous.overrides.items():
                self._unseen.pop(object_id, None)
                if override is not None:
                    self._unseen_overrides[object_id] = override
        self._seen: set[int] = set()
        self._ids = array("Q")
        self._blocks = JsonBlocksBuilder()
        self._index_keys: list[Key] = []
        self._fingerprints = bytearray()
        self._counts = counts or Uncounted() if previous is None else previous.counts.copy()
        self._changes: list[Change] | None = None if previous is None else []
        self._is_changed = previous is None or bool(previous.overrides)
        self._change_bytes_left = max_change_bytes

    def reuse(self, object_id: int, fingerprint: bytes) -> bool:
        """Add an object from the previous state; return False if it is new or has changed."""
        if object_id in self._seen:
            return True
        override = self._unseen_overrides.get(object_id)
        if override is not None and override.fingerprint == fingerprint:
            del self._unseen_overrides[object_id]
            self._append_new(object_id, fingerprint, override.item)
            return True
        position = self._unseen.get(object_id)
        if position is None or self._previous is None:
            return False
        if fingerprint != fingerprint_at(self._previous.fingerprints, position):
            return False
        del self._unseen[object_id]
        self._append_reused(object_id, position, fingerprint, self._previous.snapshot)
        return True

    def add(self, object_id: int, fingerprint: bytes, item: Item) -> None:
        """Add a decoded object; if its item is in the previous snapshot, reuse the text there."""
        if object_id in self._seen:
            return
        position = self._unseen.pop(object_id, None)
        old: Item | None = None
        if position is not None and self._previous is not None:
            snapshot = self._previous.snapshot
            old = Item(snapshot.index_keys[position], snapshot.blocks[position])
            if item == old:
                self._append_reused(object_id, position, fingerprint, snapshot)
                return
        elif (override := self._unseen_overrides.pop(object_id, None)) is not None:
            old = override.item
        if old is None:
            self._counts.add(item.index_key)
            self._record(Change("added", object_id, item, None))
        elif item != old:
            self._counts.remove(old.index_key)
            self._counts.add(item.index_key)
            self._record(Change("modified", object_id, item, old.index_key))
        self._append_new(object_id, fingerprint, item)

    def _append_new(self, object_id: int, fingerprint: bytes, item: Item) -> None:
        self._blocks.add(item.json)
        self._append(object_id, item.index_key, fingerprint)

    def _append_reused(
        self, object_id: int, position: int, fingerprint: bytes, previous: Snapshot
    ) -> None:
        self._blocks.reuse(previous.blocks.span(position))
        self._append(object_id, previous.index_keys[position], fingerprint)

    def _append(self, object_id: int, index_key: Key, fingerprint: bytes) -> None:
        self._seen.add(object_id)
        self._ids.append(object_id)
        self._index_keys.append(index_key)
        self._fingerprints += fingerprint

    def partial(self, ids: Sequence[int]) -> Snapshot:
        """Return a partial snapshot, with the texts and index keys of the objects added so far.

        Args:
            ids: the ids of all objects, ascending; the objects added so far come first.
        """
        return Snapshot(
            self._epoch,
            self._revision,
            self._taken_at,
            self._started,
            array("Q", ids),
            self._blocks.build(),
            tuple(self._index_keys),
            b"",
            self._revision,
            self.annotations,
            is_complete=False,
        )

    def build(self) -> SnapshotBuild:
        """Return the snapshot of all objects added."""
        previous = self._previous
        deleted = [
            (id_, override.item.index_key) for id_, override in self._unseen_overrides.items()
        ]
        if previous is not None:
            deleted += [
                (id_, previous.snapshot.index_keys[position])
                for id_, position in self._unseen.items()
            ]
        for object_id, index_key in deleted:
            self._counts.remove(index_key)
            self._record(Change("deleted", object_id, None, index_key))
        order, fingerprints = self._order(), bytes(self._fingerprints)
        if order is not None:
            fingerprints = b"".join([fingerprint_at(fingerprints, position) for position in order])
        if previous is not None and not self._is_changed:
            unchanged = previous.snapshot
            ids, blocks, index_keys = unchanged.ids, unchanged.blocks, unchanged.index_keys
            content = unchanged.fingerprints, unchanged.content_revision
        else:
            content = fingerprints, self._revision
            ids, index_keys = self._ids, tuple(self._index_keys)
            if order is not None:
                ids = array("Q", map(ids.__getitem__, order))
                index_keys = tuple(map(index_keys.__getitem__, order))
            blocks = self._blocks.build(order)
        snapshot = Snapshot(
            self._epoch,
            self._revision,
            self._taken_at,
            self._started,
            ids,
            blocks,
            index_keys,
            *content,
            self.annotations,
        )
        changes = None if self._changes is None else tuple(self._changes)
        return SnapshotBuild(snapshot, changes, self._counts, fingerprints)

    def _record(self, change: Change) -> None:
        self._is_changed = True
        if self._changes is None:
            return
        if change.item is not None:
            self._change_bytes_left -= len(change.item.json)
        self._changes.append(change)
        if self._change_bytes_left < 0:
            self._changes = None

    def _order(self) -> list[int] | None:
        """Return the positions in ascending order of ids; None if they are in order already."""
        if all(one < other for one, other in pairwise(self._ids)):
            return None
        # A single sort would hold the GIL until its end.
        key, count = self._ids.__getitem__, len(self._ids)
        parts = [
            sorted(range(start, min(start + SORT_BATCH, count)), key=key)
            for start in range(0, count, SORT_BATCH)
        ]
        return list(merge(*parts, key=key))

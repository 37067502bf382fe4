"""The current state of a resource: its newest snapshot and the changes since then."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from app.repository.counts import Counts
from app.repository.query.filters import Key
from app.repository.snapshot.model import Change, ChangeKind, Item, Snapshot


class SnapshotBuild(NamedTuple):
    """A snapshot with its changes, counts and fingerprints.

    Attributes:
        snapshot: the snapshot.
        changes: the changes since the previous state; None if this epoch has no previous state,
            or if their texts exceed the journal's maximum size.
        counts: the counts of the snapshot's objects.
        fingerprints: the fingerprints of all objects, concatenated in order of their ids; the
            next refresh does not decode an object whose fingerprint is unchanged.
    """

    snapshot: Snapshot
    changes: tuple[Change, ...] | None
    counts: Counts
    fingerprints: bytes


class Override(NamedTuple):
    """One object from a point read, with its fingerprint."""

    fingerprint: bytes
    item: Item


class PointRead(NamedTuple):
    """The result of reading one object.

    Attributes:
        override: the object; None if it does not exist.
        is_half_built: whether the object lacks parts that may appear soon.
    """

    override: Override | None
    is_half_built: bool = False


class CurrentState:
    """The newest build and the point reads since then. Belongs to one event loop.

    Attributes:
        build: the result of the newest refresh.
        revision: the newest revision.
        counts: the current counts.
        overrides: the objects that point reads have changed since the build, by id; None for a
            deleted one.
    """

    def __init__(self, build: SnapshotBuild) -> None:
        self.build = build
        self.revision = build.snapshot.revision
        self.counts = build.counts.copy()
        self.overrides: dict[int, Override | None] = {}

    def item(self, object_id: int) -> Item | None:
        """Return an object; None if it does not exist."""
        if object_id in self.overrides:
            override = self.overrides[object_id]
            return None if override is None else override.item
        snapshot = self.build.snapshot
        position = bisect_left(snapshot.ids, object_id)
        if position == len(snapshot.ids) or snapshot.ids[position] != object_id:
            return None
        return Item(snapshot.index_keys[position], snapshot.blocks[position])

    def index_keys(self) -> dict[int, Key]:
        """Return the index keys of all objects, by id."""
        snapshot = self.build.snapshot
        keys = dict(zip(snapshot.ids, snapshot.index_keys, strict=True))
        for object_id, override in self.overrides.items():
            if override is None:
                keys.pop(object_id, None)
            else:
                keys[object_id] = override.item.index_key
        return keys

    def changes_of(self, point_reads: Mapping[int, PointRead]) -> tuple[Change, ...]:
        """Return the changes that point reads show, without applying them.

        May run in any thread while nothing else is applied.
        """
        return tuple(
            change
            for object_id, point_read in point_reads.items()
            if (change := self._change_of(object_id, point_read.override)) is not None
        )

    def apply(self, changes: tuple[Change, ...], point_reads: Mapping[int, PointRead]) -> None:
        """Apply the changes of these point reads, which together make one new revision."""
        for change in changes:
            self.overrides[change.object_id] = point_reads[change.object_id].override
            if change.old_index_key is not None:
                self.counts.remove(change.old_index_key)
            if change.item is not None:
                self.counts.add(change.item.index_key)
        if changes:
            self.revision += 1

    def _change_of(self, object_id: int, override: Override | None) -> Change | None:
        old, new = self.item(object_id), None if override is None else override.item
        if old == new:
            return None
        kind: ChangeKind = "deleted" if new is None else "added" if old is None else "modified"
        return Change(kind, object_id, new, None if old is None else old.index_key)

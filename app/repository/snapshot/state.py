"""The current state of a resource: its newest snapshot and the changes since then."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from app.repository.counts import Counts
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

    def apply(self, point_reads: Mapping[int, PointRead]) -> tuple[Change, ...]:
        """Apply point reads and return the changes, which together make one new revision."""
        changes = tuple(
            change
            for object_id, point_read in point_reads.items()
            if (change := self._apply_one(object_id, point_read.override)) is not None
        )
        if changes:
            self.revision += 1
        return changes

    def _apply_one(self, object_id: int, override: Override | None) -> Change | None:
        old = self.item(object_id)
        if old == (None if override is None else override.item):
            return None
        self.overrides[object_id] = override
        if old is not None:
            self.counts.remove(old.index_key)
        if override is None:
            return Change("deleted", object_id, None, old and old.index_key)
        self.counts.add(override.item.index_key)
        kind: ChangeKind = "added" if old is None else "modified"
        return Change(kind, object_id, override.item, old and old.index_key)

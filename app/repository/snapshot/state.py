"""What the store knows of the engine now: the newest version, and what changed since."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from app.repository.counts import Counts
from app.repository.snapshot.model import Change, ChangeKind, Item, Snapshot


class SnapshotBuild(NamedTuple):
    """A version, with what is known of it.

    Attributes:
        snapshot: the version.
        changes: what changed from the one before; None where there is none in the same
            epoch, or where more changed than anybody would keep.
        counts: of its contexts.
        fingerprints: of all contexts in the order of their ids, one after another: by which the
            next drain knows what it need not decode (`bindings.fingerprints`).
    """

    snapshot: Snapshot
    changes: tuple[Change, ...] | None
    counts: Counts
    fingerprints: bytes


class Override(NamedTuple):
    """One context that was read by itself: its mark and its entry."""

    fingerprint: bytes
    item: Item


class PointRead(NamedTuple):
    """What a look at one context showed.

    Attributes:
        override: what there is; None where there is no such context.
        is_half_built: whether one of its SAs is missing, which may be there soon.
    """

    override: Override | None
    is_half_built: bool = False


class CurrentState:
    """The newest edition, with later looks at single contexts. Belongs to one event loop.

    Attributes:
        build: of the newest drain.
        revision: of the newest change.
        counts: of the contexts as they are now.
        overrides: what differs from the edition, by id; None for what was deleted.
    """

    def __init__(self, edition: SnapshotBuild) -> None:
        self.build = edition
        self.revision = edition.snapshot.revision
        self.counts = edition.counts.copy()
        self.overrides: dict[int, Override | None] = {}

    def item(self, object_id: int) -> Item | None:
        """What is known of a context; None where there is none."""
        if object_id in self.overrides:
            patch = self.overrides[object_id]
            return None if patch is None else patch.item
        version = self.build.snapshot
        at = bisect_left(version.ids, object_id)
        if at == len(version.ids) or version.ids[at] != object_id:
            return None
        return Item(version.index_keys[at], version.blocks[at])

    def apply(self, looks: Mapping[int, PointRead]) -> tuple[Change, ...]:
        """Take what was seen; what of it differs from what was known is a revision of its own."""
        changes = tuple(
            change
            for object_id, look in looks.items()
            if (change := self._apply_one(object_id, look.override)) is not None
        )
        if changes:
            self.revision += 1
        return changes

    def _apply_one(self, object_id: int, patch: Override | None) -> Change | None:
        known = self.item(object_id)
        if known == (None if patch is None else patch.item):
            return None
        self.overrides[object_id] = patch
        if known is not None:
            self.counts.remove(known.index_key)
        if patch is None:
            return Change("deleted", object_id, None, known and known.index_key)
        self.counts.add(patch.item.index_key)
        kind: ChangeKind = "added" if known is None else "modified"
        return Change(kind, object_id, patch.item, known and known.index_key)

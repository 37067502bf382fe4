"""What the store knows of the engine now: the newest version, and what changed since."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from app.repository.counts import Counts
from app.repository.snapshot.model import Change, ChangeKind, Entry, Version


class Edition(NamedTuple):
    """A version, with what is known of it.

    Attributes:
        version: the version.
        changes: what changed from the one before; None where there is none in the same
            epoch, or where more changed than anybody would keep.
        counts: of its contexts.
        marks: of all contexts in the order of their ids, one after another: by which the
            next drain knows what it need not decode (`bindings.fingerprints`).
    """

    version: Version
    changes: tuple[Change, ...] | None
    counts: Counts
    marks: bytes


class Patch(NamedTuple):
    """One context that was read by itself: its mark and its entry."""

    mark: bytes
    entry: Entry


class Look(NamedTuple):
    """What a look at one context showed.

    Attributes:
        patch: what there is; None where there is no such context.
        is_half_built: whether one of its SAs is missing, which may be there soon.
    """

    patch: Patch | None
    is_half_built: bool = False


class Contents:
    """The newest edition, with later looks at single contexts. Belongs to one event loop.

    Attributes:
        edition: of the newest drain.
        revision: of the newest change.
        counts: of the contexts as they are now.
        patches: what differs from the edition, by id; None for what was deleted.
    """

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self.revision = edition.version.revision
        self.counts = edition.counts.copy()
        self.patches: dict[int, Patch | None] = {}

    def entry(self, object_id: int) -> Entry | None:
        """What is known of a context; None where there is none."""
        if object_id in self.patches:
            patch = self.patches[object_id]
            return None if patch is None else patch.entry
        version = self.edition.version
        at = bisect_left(version.ids, object_id)
        if at == len(version.ids) or version.ids[at] != object_id:
            return None
        return Entry(version.keys[at], version.texts[at])

    def take(self, looks: Mapping[int, Look]) -> tuple[Change, ...]:
        """Take what was seen; what of it differs from what was known is a revision of its own."""
        changes = tuple(
            change
            for object_id, look in looks.items()
            if (change := self._take(object_id, look.patch)) is not None
        )
        if changes:
            self.revision += 1
        return changes

    def _take(self, object_id: int, patch: Patch | None) -> Change | None:
        known = self.entry(object_id)
        if known == (None if patch is None else patch.entry):
            return None
        self.patches[object_id] = patch
        if known is not None:
            self.counts.remove(known.key)
        if patch is None:
            return Change("deleted", object_id, None, known and known.key)
        self.counts.add(patch.entry.key)
        kind: ChangeKind = "added" if known is None else "modified"
        return Change(kind, object_id, patch.entry, known and known.key)

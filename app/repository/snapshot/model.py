"""Snapshots: immutable states of one resource, and the changes between them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

from app.repository.query.filters import Key, Selection
from app.repository.snapshot.blocks import Texts
from bindings.fingerprints import FINGERPRINT_BYTES


DIGEST_BYTES: Final = 16


class Item(NamedTuple):
    """One object: the index key that filters compare, and the JSON text."""

    index_key: Key
    json: bytes


ChangeKind = Literal["added", "modified", "deleted"]


class Change(NamedTuple):
    """What happened to one object between two revisions.

    Attributes:
        kind: whether the object was added, modified or deleted.
        object_id: the object's id.
        item: the object after the change; None if it was deleted.
        old_index_key: its index key before the change; None if it was added.
        rekey_of: the id of the object that this one seems to have replaced, or that seems to have
            replaced this one; None if no such object is known.
        ending: how the object ended, as members of JSON without braces; empty if it did not end,
            or if nothing is known (`app.repository.changes.endings`).
    """

    kind: ChangeKind
    object_id: int
    item: Item | None
    old_index_key: Key | None
    rekey_of: int | None = None
    ending: bytes = b""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects that one refresh read, in ascending order of their ids.

    Consecutive snapshots share the texts of unchanged objects, so an old snapshot costs little
    more than the texts that have changed since.

    Attributes:
        epoch: identifies the engine's run; ids are meaningless beyond it.
        revision: the number of this state, which rises from 1 within an epoch; a revision that
            a point refresh made has no snapshot.
        taken_at: when the refresh started, in UTC.
        started: when the refresh started, in seconds on the store's clock.
        ids: the ids of all objects.
        blocks: their JSON texts.
        index_keys: their index keys.
        fingerprints: their fingerprints, concatenated; empty in a partial snapshot.
        content_revision: the revision of the first snapshot with these objects. All snapshots
            from that one to this one have the same ids, texts and index keys.
        annotations: members to add to each page, for example to report that the list is empty
            because the service IKEEXT is not running.
        is_complete: False in a partial snapshot, in which only the first objects have a text
            and an index key.
    """

    epoch: str
    revision: int
    taken_at: datetime
    started: float
    ids: Sequence[int]
    blocks: Texts
    index_keys: Sequence[Key]
    fingerprints: bytes
    content_revision: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = True

    @property
    def number(self) -> int:
        """The number by which leases and cursors identify the snapshot in its epoch."""
        return self.revision

    def positions_of(self, selection: Selection) -> Sequence[int]:
        """Return the positions of the objects that match a selection."""
        if selection.matches_all:
            return range(len(self.ids))
        matches = selection.matcher()
        return array(
            "I", [position for position, key in enumerate(self.index_keys) if matches(key)]
        )

    def digest_of(self, positions: Iterable[int]) -> str:
        """Return a digest of the objects at these positions; it changes if one of them does."""
        digest = blake2b(digest_size=DIGEST_BYTES)
        for position in positions:
            digest.update(fingerprint_at(self.fingerprints, position))
        return digest.hexdigest()

    def page(self, matching: Sequence[int], after: int | None, limit: int) -> PageSlice:
        """Return the first `limit` matching positions whose ids are above `after`."""
        first = 0 if after is None else bisect_right(self.ids, after)
        start = first if isinstance(matching, range) else bisect_right(matching, first - 1)
        stop = min(start + limit, len(matching))
        last = self.ids[matching[stop - 1]] if stop < len(matching) else None
        return PageSlice(matching[start:stop], last)


def fingerprint_at(fingerprints: bytes, position: int) -> bytes:
    """Return the fingerprint at a position in concatenated fingerprints."""
    return fingerprints[position * FINGERPRINT_BYTES : (position + 1) * FINGERPRINT_BYTES]


class PageSlice(NamedTuple):
    """Positions in a snapshot; `last_id` is the id at the last one, None if no more match."""

    positions: Sequence[int]
    last_id: int | None

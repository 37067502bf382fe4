"""Versions: immutable states of what the engine lists, and what changed between two."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from app.repository.query.filters import Key, Selection
from app.repository.snapshot.blocks import JsonBlocks


class Item(NamedTuple):
    """One object as it was read: what filters look at, and its JSON text."""

    index_key: Key
    json: bytes


ChangeKind = Literal["added", "modified", "deleted"]


class Change(NamedTuple):
    """What happened to one context from a revision to the next.

    Attributes:
        kind: whether it came, changed or went.
        object_id: which context.
        item: what it is now; None where it was deleted.
        old_index_key: its key until then; None where it was added.
        rekey_of: another context, where one seems to have taken the other's place.
    """

    kind: ChangeKind
    object_id: int
    item: Item | None
    old_index_key: Key | None
    rekey_of: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The contexts of one drain, in ascending order of their id.

    What did not change is shared with the version before, so that holding an
    old version costs what has changed since.

    Attributes:
        epoch: names the engine's run; ids mean nothing beyond it.
        revision: ascends within an epoch, from 1; some revisions are known by their changes only.
        taken_at: when the drain began, in UTC.
        began: the same on the store's own clock, in seconds.
        ids: of all contexts.
        blocks: the JSON text of each.
        index_keys: what filters look at of each.
        annotations: what is to be said of the whole, as members of each page: that there are no
            contexts because the service IKEEXT does not run, for instance.
        is_complete: False while contexts are still being decoded: then only the first
            have a text and a key.
    """

    epoch: str
    revision: int
    taken_at: datetime
    began: float
    ids: array[int]
    blocks: JsonBlocks
    index_keys: Sequence[Key]
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = True

    def positions_of(self, selection: Selection) -> Sequence[int]:
        """The positions of the contexts that meet a selection."""
        if selection.matches_all:
            return range(len(self.ids))
        matches = selection.matcher()
        return array("I", [at for at, key in enumerate(self.index_keys) if matches(key)])

    def page(self, matching: Sequence[int], after: int | None, limit: int) -> PageSlice:
        """At most `limit` of the matching contexts, with ids above `after`."""
        first = 0 if after is None else bisect_right(self.ids, after)
        start = first if isinstance(matching, range) else bisect_right(matching, first - 1)
        stop = min(start + limit, len(matching))
        last = self.ids[matching[stop - 1]] if stop < len(matching) else None
        return PageSlice(matching[start:stop], last)


class PageSlice(NamedTuple):
    """Some positions in a version, and the id of the last, where more matching ones follow."""

    positions: Sequence[int]
    last_id: int | None

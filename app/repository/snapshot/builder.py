"""Making a version out of what is read, context by context, beside the version before."""

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
from app.repository.snapshot.model import Change, Item, Snapshot
from app.repository.snapshot.state import CurrentState, Override, SnapshotBuild
from bindings.fingerprints import FINGERPRINT_BYTES


SORT_BATCH: Final = 8192
"""Some milliseconds' worth."""


class SnapshotBuilder:
    """Takes contexts in any order.

    Attributes:
        annotations: what is to be said of the whole version.
    """

    def __init__(
        self,
        epoch: str,
        taken_at: datetime,
        began: float,
        *,
        previous: CurrentState | None = None,
        counts: Counts | None = None,
        max_change_bytes: int = 64 << 20,
    ) -> None:
        """Begin a version.

        Args:
            epoch: names the engine's run.
            taken_at: when the drain began, in UTC.
            began: the same on the store's clock.
            previous: what was known until then, where something was in this epoch; it stays
                as it is until the version is finished.
            counts: of no contexts, to begin with where nothing was known.
            max_change_bytes: how many bytes of changed texts are remembered as changes.
        """
        self.annotations: Mapping[str, str] = {}
        self._epoch, self._taken_at, self._began = epoch, taken_at, began
        self._revision = 1 if previous is None else previous.revision + 1
        self._previous = None if previous is None else previous.build
        self._before: dict[int, int] = {}
        self._patches: dict[int, Override] = {}
        if previous is not None:
            ids = previous.build.snapshot.ids
            self._before = dict(zip(ids, range(len(ids)), strict=True))
            for number, patch in previous.overrides.items():
                self._before.pop(number, None)
                if patch is not None:
                    self._patches[number] = patch
        self._put: set[int] = set()
        self._ids = array("Q")
        self._texts = JsonBlocksBuilder()
        self._keys: list[Key] = []
        self._marks = bytearray()
        self._counts = counts or Uncounted() if previous is None else previous.counts.copy()
        self._changes: list[Change] | None = None if previous is None else []
        self._is_changed = previous is None or bool(previous.overrides)
        self._change_bytes_left = max_change_bytes

    def reuse(self, object_id: int, mark: bytes) -> bool:
        """Take a context as it was known before if its mark is the same; whether it is.

        Of a context that an enumeration gives twice, the first is taken.
        """
        if object_id in self._put:
            return True
        patch = self._patches.get(object_id)
        if patch is not None and patch.fingerprint == mark:
            del self._patches[object_id]
            self._append_new(object_id, mark, patch.item)
            return True
        at = self._before.get(object_id)
        if at is None or self._previous is None:
            return False
        if (
            mark
            != self._previous.fingerprints[at * FINGERPRINT_BYTES : (at + 1) * FINGERPRINT_BYTES]
        ):
            return False
        del self._before[object_id]
        self._reuse(object_id, at, mark, self._previous.snapshot)
        return True

    def add(self, object_id: int, mark: bytes, entry: Item) -> None:
        """Take a context that was decoded; of one that an enumeration gives twice, the first.

        What equals its entry in the version before is kept from there.
        """
        if object_id in self._put:
            return
        at = self._before.pop(object_id, None)
        known: Item | None = None
        if at is not None and self._previous is not None:
            version = self._previous.snapshot
            known = Item(version.index_keys[at], version.blocks[at])
            if entry == known:
                self._reuse(object_id, at, mark, version)
                return
        elif (patch := self._patches.pop(object_id, None)) is not None:
            known = patch.item
        if known is None:
            self._counts.add(entry.index_key)
            self._change(Change("added", object_id, entry, None))
        elif entry != known:
            self._counts.remove(known.index_key)
            self._counts.add(entry.index_key)
            self._change(Change("modified", object_id, entry, known.index_key))
        self._append_new(object_id, mark, entry)

    def _append_new(self, object_id: int, mark: bytes, entry: Item) -> None:
        self._texts.add(entry.json)
        self._append(object_id, entry.index_key, mark)

    def _reuse(self, object_id: int, at: int, mark: bytes, before: Snapshot) -> None:
        self._texts.reuse(before.blocks.span(at))
        self._append(object_id, before.index_keys[at], mark)

    def _append(self, object_id: int, key: Key, mark: bytes) -> None:
        self._put.add(object_id)
        self._ids.append(object_id)
        self._keys.append(key)
        self._marks += mark

    def partial(self, ids: Sequence[int]) -> Snapshot:
        """The version as far as it goes; what was put are its first contexts, in their order.

        Args:
            ids: of all contexts that it will have, ascending.
        """
        return Snapshot(
            self._epoch,
            self._revision,
            self._taken_at,
            self._began,
            array("Q", ids),
            self._texts.build(),
            tuple(self._keys),
            self.annotations,
            is_complete=False,
        )

    def build(self) -> SnapshotBuild:
        """The version of all that was put."""
        previous = self._previous
        gone = [(number, patch.item.index_key) for number, patch in self._patches.items()]
        if previous is not None:
            gone += [
                (number, previous.snapshot.index_keys[at]) for number, at in self._before.items()
            ]
        for object_id, key in gone:
            self._counts.remove(key)
            self._change(Change("deleted", object_id, None, key))
        order, marks = self._order(), bytes(self._marks)
        if order is not None:
            marks = b"".join(
                [marks[at * FINGERPRINT_BYTES : (at + 1) * FINGERPRINT_BYTES] for at in order]
            )
        if previous is not None and not self._is_changed:
            before = previous.snapshot
            ids, texts, keys = before.ids, before.blocks, before.index_keys
        else:
            ids, keys = self._ids, tuple(self._keys)
            if order is not None:
                ids = array("Q", map(ids.__getitem__, order))
                keys = tuple(map(keys.__getitem__, order))
            texts = self._texts.build(order)
        version = Snapshot(
            self._epoch,
            self._revision,
            self._taken_at,
            self._began,
            ids,
            texts,
            keys,
            self.annotations,
        )
        changes = None if self._changes is None else tuple(self._changes)
        return SnapshotBuild(version, changes, self._counts, marks)

    def _change(self, change: Change) -> None:
        self._is_changed = True
        if self._changes is None:
            return
        if change.item is not None:
            self._change_bytes_left -= len(change.item.json)
        self._changes.append(change)
        if self._change_bytes_left < 0:
            self._changes = None

    def _order(self) -> list[int] | None:
        """The positions in ascending order of their ids; None where they are in that order."""
        if all(one < other for one, other in pairwise(self._ids)):
            return None
        # Sorting all at once would let no other thread in until it is done.
        key, count = self._ids.__getitem__, len(self._ids)
        parts = [
            sorted(range(start, min(start + SORT_BATCH, count)), key=key)
            for start in range(0, count, SORT_BATCH)
        ]
        return list(merge(*parts, key=key))

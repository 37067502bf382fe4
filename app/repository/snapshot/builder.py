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
from app.repository.snapshot.blocks import TextsBuilder
from app.repository.snapshot.model import Change, Entry, Version
from app.repository.snapshot.state import Contents, Edition, Patch
from bindings.fingerprints import MARK_BYTES


SORTED_AT_ONCE: Final = 8192
"""Some milliseconds' worth."""


class Assembly:
    """Takes contexts in any order.

    Attributes:
        remarks: what is to be said of the whole version.
    """

    def __init__(
        self,
        epoch: str,
        taken_at: datetime,
        began: float,
        *,
        previous: Contents | None = None,
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
        self.remarks: Mapping[str, str] = {}
        self._epoch, self._taken_at, self._began = epoch, taken_at, began
        self._revision = 1 if previous is None else previous.revision + 1
        self._previous = None if previous is None else previous.edition
        self._before: dict[int, int] = {}
        self._patches: dict[int, Patch] = {}
        if previous is not None:
            ids = previous.edition.version.ids
            self._before = dict(zip(ids, range(len(ids)), strict=True))
            for number, patch in previous.patches.items():
                self._before.pop(number, None)
                if patch is not None:
                    self._patches[number] = patch
        self._put: set[int] = set()
        self._ids = array("Q")
        self._texts = TextsBuilder()
        self._keys: list[Key] = []
        self._marks = bytearray()
        self._counts = counts or Uncounted() if previous is None else previous.counts.copy()
        self._changes: list[Change] | None = None if previous is None else []
        self._is_changed = previous is None or bool(previous.patches)
        self._change_bytes_left = max_change_bytes

    def keep(self, object_id: int, mark: bytes) -> bool:
        """Take a context as it was known before if its mark is the same; whether it is.

        Of a context that an enumeration gives twice, the first is taken.
        """
        if object_id in self._put:
            return True
        patch = self._patches.get(object_id)
        if patch is not None and patch.mark == mark:
            del self._patches[object_id]
            self._add(object_id, mark, patch.entry)
            return True
        at = self._before.get(object_id)
        if at is None or self._previous is None:
            return False
        if mark != self._previous.marks[at * MARK_BYTES : (at + 1) * MARK_BYTES]:
            return False
        del self._before[object_id]
        self._keep(object_id, at, mark, self._previous.version)
        return True

    def put(self, object_id: int, mark: bytes, entry: Entry) -> None:
        """Take a context that was decoded; of one that an enumeration gives twice, the first.

        What equals its entry in the version before is kept from there.
        """
        if object_id in self._put:
            return
        at = self._before.pop(object_id, None)
        known: Entry | None = None
        if at is not None and self._previous is not None:
            version = self._previous.version
            known = Entry(version.keys[at], version.texts[at])
            if entry == known:
                self._keep(object_id, at, mark, version)
                return
        elif (patch := self._patches.pop(object_id, None)) is not None:
            known = patch.entry
        if known is None:
            self._counts.add(entry.key)
            self._change(Change("added", object_id, entry, None))
        elif entry != known:
            self._counts.remove(known.key)
            self._counts.add(entry.key)
            self._change(Change("modified", object_id, entry, known.key))
        self._add(object_id, mark, entry)

    def _add(self, object_id: int, mark: bytes, entry: Entry) -> None:
        self._texts.add(entry.body)
        self._append(object_id, entry.key, mark)

    def _keep(self, object_id: int, at: int, mark: bytes, before: Version) -> None:
        self._texts.keep(before.texts.place(at))
        self._append(object_id, before.keys[at], mark)

    def _append(self, object_id: int, key: Key, mark: bytes) -> None:
        self._put.add(object_id)
        self._ids.append(object_id)
        self._keys.append(key)
        self._marks += mark

    def incomplete(self, ids: Sequence[int]) -> Version:
        """The version as far as it goes; what was put are its first contexts, in their order.

        Args:
            ids: of all contexts that it will have, ascending.
        """
        return Version(
            self._epoch,
            self._revision,
            self._taken_at,
            self._began,
            array("Q", ids),
            self._texts.build(),
            tuple(self._keys),
            self.remarks,
            is_complete=False,
        )

    def finish(self) -> Edition:
        """The version of all that was put."""
        previous = self._previous
        gone = [(number, patch.entry.key) for number, patch in self._patches.items()]
        if previous is not None:
            gone += [(number, previous.version.keys[at]) for number, at in self._before.items()]
        for object_id, key in gone:
            self._counts.remove(key)
            self._change(Change("deleted", object_id, None, key))
        order, marks = self._order(), bytes(self._marks)
        if order is not None:
            marks = b"".join([marks[at * MARK_BYTES : (at + 1) * MARK_BYTES] for at in order])
        if previous is not None and not self._is_changed:
            before = previous.version
            ids, texts, keys = before.ids, before.texts, before.keys
        else:
            ids, keys = self._ids, tuple(self._keys)
            if order is not None:
                ids = array("Q", map(ids.__getitem__, order))
                keys = tuple(map(keys.__getitem__, order))
            texts = self._texts.build(order)
        version = Version(
            self._epoch,
            self._revision,
            self._taken_at,
            self._began,
            ids,
            texts,
            keys,
            self.remarks,
        )
        changes = None if self._changes is None else tuple(self._changes)
        return Edition(version, changes, self._counts, marks)

    def _change(self, change: Change) -> None:
        self._is_changed = True
        if self._changes is None:
            return
        if change.entry is not None:
            self._change_bytes_left -= len(change.entry.body)
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
            sorted(range(start, min(start + SORTED_AT_ONCE, count)), key=key)
            for start in range(0, count, SORTED_AT_ONCE)
        ]
        return list(merge(*parts, key=key))

"""Making a version out of what is read, context by context, beside the version before."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime
from heapq import merge
from itertools import pairwise
from typing import Final, NamedTuple

from app.repository.counts import Counts
from app.repository.keys import Key
from app.repository.texts import TextsBuilder
from app.repository.versions import Change, Entry, Version
from bindings.marks import MARK_BYTES


SORTED_AT_ONCE: Final = 8192
"""Some milliseconds' worth."""


class Edition(NamedTuple):
    """A version, with what is known of it.

    Attributes:
        version: the version.
        changes: what changed from the one before; None where there is none in the same
            epoch, or where more changed than anybody would keep.
        counts: of its contexts.
        marks: of all contexts in the order of their ids, one after another: by which the
            next drain knows what it need not decode (`bindings.marks`).
    """

    version: Version
    changes: tuple[Change, ...] | None
    counts: Counts
    marks: bytes


class Assembly:
    """Takes contexts in any order."""

    def __init__(
        self,
        epoch: str,
        taken_at: datetime,
        began: float,
        *,
        previous: Edition | None = None,
        max_change_bytes: int = 64 << 20,
    ) -> None:
        """Begin a version.

        Args:
            epoch: names the engine's run.
            taken_at: when the drain began, in UTC.
            began: the same on the store's clock.
            previous: the edition before it, where there is one in this epoch.
            max_change_bytes: how many bytes of changed texts are remembered as changes.
        """
        self._epoch, self._taken_at, self._began = epoch, taken_at, began
        self._previous = previous
        self._before: dict[int, int] = {}
        if previous is not None:
            ids = previous.version.ids
            self._before = dict(zip(ids, range(len(ids)), strict=True))
        self._put: set[int] = set()
        self._ids = array("Q")
        self._texts = TextsBuilder()
        self._keys: list[Key] = []
        self._marks = bytearray()
        self._counts = previous.counts.copy() if previous else Counts()
        self._changes: list[Change] | None = None if previous is None else []
        self._is_changed = previous is None
        self._change_bytes_left = max_change_bytes

    def keep(self, sa_context_id: int, mark: bytes) -> bool:
        """Take a context from the version before if its mark there is the same; whether it is.

        Of a context that an enumeration gives twice, the first is taken.
        """
        if sa_context_id in self._put:
            return True
        at = self._before.get(sa_context_id)
        if at is None or self._previous is None:
            return False
        if mark != self._previous.marks[at * MARK_BYTES : (at + 1) * MARK_BYTES]:
            return False
        del self._before[sa_context_id]
        self._keep(sa_context_id, at, mark, self._previous.version)
        return True

    def put(self, sa_context_id: int, mark: bytes, entry: Entry) -> None:
        """Take a context that was decoded; of one that an enumeration gives twice, the first.

        What equals its entry in the version before is kept from there.
        """
        if sa_context_id in self._put:
            return
        key, body = entry
        at = self._before.pop(sa_context_id, None)
        if at is None or self._previous is None:
            self._counts.add(key)
            self._change(Change("added", sa_context_id, entry))
        else:
            version = self._previous.version
            if body == version.texts[at] and key == version.keys[at]:
                self._keep(sa_context_id, at, mark, version)
                return
            self._counts.remove(version.keys[at])
            self._counts.add(key)
            self._change(Change("modified", sa_context_id, entry))
        self._texts.add(body)
        self._append(sa_context_id, key, mark)

    def _keep(self, sa_context_id: int, at: int, mark: bytes, before: Version) -> None:
        self._texts.keep(before.texts.place(at))
        self._append(sa_context_id, before.keys[at], mark)

    def _append(self, sa_context_id: int, key: Key, mark: bytes) -> None:
        self._put.add(sa_context_id)
        self._ids.append(sa_context_id)
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
            is_complete=False,
        )

    def finish(self, *, is_ikeext_running: bool = True) -> Edition:
        """The version of all that was put."""
        previous = self._previous
        if previous is not None:
            for sa_context_id, at in self._before.items():
                self._counts.remove(previous.version.keys[at])
                self._change(Change("deleted", sa_context_id, None))
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
            is_ikeext_running,
        )
        changes = None if self._changes is None else tuple(self._changes)
        return Edition(version, changes, self._counts, marks)

    @property
    def _revision(self) -> int:
        return 1 if self._previous is None else self._previous.version.revision + 1

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

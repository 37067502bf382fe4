"""Versions: immutable states of the engine's SA contexts, and what changed between two."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from app.repository.selection import EVERYTHING, Endpoints, Selection


class Entry(NamedTuple):
    """One context in a version: what filters look at, and its JSON text."""

    endpoints: Endpoints
    body: bytes


class Change(NamedTuple):
    """What happened to one context between a version and the next; deleted ones have no entry."""

    kind: Literal["added", "modified", "deleted"]
    sa_context_id: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Version:
    """The contexts of one drain, in ascending order of their id.

    Entries that did not change are the same objects as in the version before,
    so that holding an old version costs what has changed since.

    Attributes:
        epoch: names the engine's run; ids mean nothing beyond it.
        revision: counts the versions of an epoch, from 1.
        taken_at: when the drain began, in UTC.
        began: the same on the store's own clock, in seconds.
        size: bytes of all JSON texts.
        retired: bytes of the texts that left since the epoch began; the difference
            between two versions bounds what holding the older one costs.
        is_ikeext_running: False where the engine said that the service IKEEXT does not
            run, and that there are no contexts therefore.
    """

    epoch: str
    revision: int
    taken_at: datetime
    began: float
    ids: array[int]
    entries: tuple[Entry, ...]
    size: int
    retired: int = 0
    is_ikeext_running: bool = True

    def select(
        self, selection: Selection, after: int | None, limit: int
    ) -> tuple[list[bytes], int | None]:
        """At most `limit` texts of matching contexts with ids above `after`.

        Also gives the id of the last one, where more matching contexts follow.
        """
        start = 0 if after is None else bisect_right(self.ids, after)
        if selection == EVERYTHING:
            found: Sequence[int] = range(start, min(start + limit + 1, len(self.ids)))
        else:
            found = self._search(selection, start, limit + 1)
        texts = [self.entries[index].body for index in found[:limit]]
        return texts, self.ids[found[limit - 1]] if len(found) > limit else None

    def _search(self, selection: Selection, start: int, count: int) -> list[int]:
        found: list[int] = []
        for index in range(start, len(self.entries)):
            if selection.matches(self.entries[index].endpoints):
                found.append(index)
                if len(found) == count:
                    break
        return found


def first_version(
    epoch: str, contexts: Mapping[int, Entry], taken_at: datetime, began: float
) -> Version:
    """The first version of an epoch."""
    ids = array("Q", sorted(contexts))
    entries = tuple(contexts[i] for i in ids)
    size = sum(len(entry.body) for entry in entries)
    return Version(epoch, 1, taken_at, began, ids, entries, size)


def next_version(
    previous: Version, contexts: Mapping[int, Entry], taken_at: datetime, began: float
) -> tuple[Version, tuple[Change, ...]]:
    """The version after `previous`, and what changed."""
    ids = array("Q", sorted(contexts))
    before = dict(zip(previous.ids, previous.entries, strict=True))
    entries: list[Entry] = []
    changes: list[Change] = []
    size = retired = 0
    for context_id in ids:
        entry = contexts[context_id]
        old = before.pop(context_id, None)
        if old is None:
            changes.append(Change("added", context_id, entry))
        elif old == entry:
            entry = old
        else:
            retired += len(old.body)
            changes.append(Change("modified", context_id, entry))
        entries.append(entry)
        size += len(entry.body)
    for context_id, old in before.items():
        retired += len(old.body)
        changes.append(Change("deleted", context_id, None))
    version = Version(
        previous.epoch,
        previous.revision + 1,
        taken_at,
        began,
        ids if changes else previous.ids,
        tuple(entries) if changes else previous.entries,
        size,
        previous.retired + retired,
    )
    return version, tuple(changes)

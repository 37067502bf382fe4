"""The journal: what changed from revision to revision, as far back as its bounds allow."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from operator import attrgetter
from typing import Final, NamedTuple

from app.repository.snapshot.model import Change


EVENT_ID: Final = re.compile(r"([0-9a-z]{1,32})-([0-9]{1,18})(?:\.([0-9]{1,9}))?", re.ASCII)


class Position(NamedTuple):
    """Where in an epoch's changes somebody is.

    Attributes:
        number: the newest of which something is known.
        taken: how many of its changes are known; None where all are.
    """

    revision: int
    taken: int | None = None

    def event_id(self, epoch: str) -> str:
        """The place in text, as the id of the event that leads there."""
        return f"{epoch}-{self.revision}" + ("" if self.taken is None else f".{self.taken}")


def parse_event_id(text: str) -> tuple[str, Position] | None:
    """The epoch and the place of an event's id; None where it is none."""
    found = EVENT_ID.fullmatch(text)
    if found is None:
        return None
    epoch, revision, taken = found.groups()
    return epoch, Position(int(revision), None if taken is None else int(taken))


class Revision(NamedTuple):
    """What changed from the revision before to `revision`."""

    number: int
    changes: tuple[Change, ...]


class Journal:
    """The newest differences of one epoch, bounded in changes and in bytes.

    Attributes:
        epoch: which; empty until the first begins.
        newest: the last revision.
        changes: how many changes are kept.
        bytes: how many bytes of JSON they have.
    """

    def __init__(self, max_changes: int, max_bytes: int) -> None:
        self.epoch = ""
        self.newest = 0
        self.changes = 0
        self.bytes = 0
        self._max_changes = max_changes
        self._max_bytes = max_bytes
        self._oldest = 0
        self._revisions: list[Revision] = []
        self._first = 0  # of those that are kept; the others are taken off now and then

    def restart(self, epoch: str, revision: int) -> None:
        """Begin anew where what came before is not known, as in a new epoch."""
        self.epoch = epoch
        self._oldest = self.newest = revision
        self._revisions.clear()
        self._first = 0
        self.changes = self.bytes = 0

    def record(self, revision: int, changes: tuple[Change, ...]) -> None:
        """Append what led to a revision, and let go of what no longer fits."""
        self.newest = revision
        if changes:
            self._revisions.append(Revision(revision, changes))
            self.changes += len(changes)
            self.bytes += _size(changes)
        while self.changes > self._max_changes or self.bytes > self._max_bytes:
            self._expire_first()

    def lag(self, epoch: str, place: Position) -> int:
        """How many revisions follow a place; all that are kept, where it is of another epoch."""
        if epoch != self.epoch:
            return self.newest - self._oldest
        known = place.revision if place.taken is None else place.revision - 1
        return max(0, self.newest - known)

    def changes_after(
        self, epoch: str, place: Position, max_revisions: int = sys.maxsize
    ) -> list[Revision] | None:
        """What changed after a place, oldest first; None where that is not known (any more).

        Of a revision of which some changes are known, all are given.

        Args:
            epoch: which the place is in.
            place: where somebody is.
            max_revisions: how many differences are given; more may follow.
        """
        revision = place.revision if place.taken is None else place.revision - 1
        if epoch != self.epoch or revision < self._oldest or place.revision > self.newest:
            return None
        first = bisect_right(self._revisions, revision, lo=self._first, key=attrgetter("number"))
        return self._revisions[first : first + max_revisions]

    def _expire_first(self) -> None:
        gone = self._revisions[self._first]
        self._revisions[self._first] = Revision(gone.number, ())
        self._first += 1
        self._oldest = gone.number
        self.changes -= len(gone.changes)
        self.bytes -= _size(gone.changes)
        if self._first > len(self._revisions) // 2:
            del self._revisions[: self._first]
            self._first = 0


def _size(changes: tuple[Change, ...]) -> int:
    return sum(len(change.item.json) for change in changes if change.item is not None)

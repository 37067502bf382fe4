"""The journal: the changes of each revision, as far back as its limits allow."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final, NamedTuple

from app.repository.snapshot.model import Change


EVENT_ID: Final = re.compile(r"([0-9a-z]{1,32})-([0-9]{1,18})(?:\.([0-9]{1,9}))?", re.ASCII)


class Position(NamedTuple):
    """A client's position in the changes of an epoch.

    Attributes:
        revision: the newest revision that the client has seen.
        change_count: how many changes of this revision the client has seen; None: all.
    """

    revision: int
    change_count: int | None = None

    def event_id(self, epoch: str) -> str:
        """Return the id of the last event before this position."""
        suffix = "" if self.change_count is None else f".{self.change_count}"
        return f"{epoch}-{self.revision}{suffix}"

    @property
    def complete_revision(self) -> int:
        """The newest revision of which the client has seen all changes."""
        return self.revision if self.change_count is None else self.revision - 1


def parse_event_id(text: str) -> tuple[str, Position] | None:
    """Return the epoch and the position of an event id; None if the text is not one."""
    found = EVENT_ID.fullmatch(text)
    if found is None:
        return None
    epoch, revision, change_count = found.groups()
    return epoch, Position(int(revision), None if change_count is None else int(change_count))


class Revision(NamedTuple):
    """The changes between the previous revision and this one.

    Attributes:
        number: the revision.
        changes: the changes.
        time: when the server learnt of them, in UTC.
    """

    number: int
    changes: tuple[Change, ...]
    time: datetime


class Journal:
    """The newest revisions of one epoch, limited in changes and bytes.

    Attributes:
        epoch: the epoch; empty before the first one.
        newest: the newest revision.
        changes: the number of changes in the journal.
        bytes: the size of their JSON and their index keys, in bytes.
    """

    def __init__(self, max_changes: int, max_bytes: int) -> None:
        self.epoch = ""
        self.newest = 0
        self.changes = 0
        self.bytes = 0
        self._max_changes = max_changes
        self._max_bytes = max_bytes
        self._oldest = 0  # changes after this revision are complete
        self._revisions: list[Revision] = []
        self._first = 0  # expired entries before this index are deleted in batches

    def restart(self, epoch: str, revision: int) -> None:
        """Clear the journal; from now on it covers the changes after this revision."""
        self.epoch = epoch
        self._oldest = self.newest = revision
        self._revisions.clear()
        self._first = 0
        self.changes = self.bytes = 0

    def record(
        self, revision: int, changes: tuple[Change, ...], time: datetime | None = None
    ) -> None:
        """Append the changes of a revision; expire the oldest revisions if a limit is exceeded.

        Args:
            revision: the revision.
            changes: the changes; the revision is recorded even if there are none.
            time: when the server learnt of the changes, in UTC; None: now.
        """
        self.newest = revision
        if changes:
            self._revisions.append(Revision(revision, changes, time or datetime.now(UTC)))
            self.changes += len(changes)
            self.bytes += _size(changes)
        while self.changes > self._max_changes or self.bytes > self._max_bytes:
            self._expire_first()

    def lag(self, epoch: str, position: Position) -> int:
        """Return how many revisions follow a position.

        For a position of another epoch, return how many revisions the journal covers.
        """
        if epoch != self.epoch:
            return self.newest - self._oldest
        return max(0, self.newest - position.complete_revision)

    def changes_after(
        self, epoch: str, position: Position, max_revisions: int = sys.maxsize
    ) -> list[Revision] | None:
        """Return the revisions after a position, oldest first; None if the position is unusable.

        A position is unusable if it is expired or unknown. If the client has seen only a part of
        a revision, the whole revision is returned.

        Args:
            epoch: the epoch of the position.
            position: the client's position.
            max_revisions: the maximum number of revisions to return; more may follow.
        """
        revision = position.complete_revision
        if epoch != self.epoch or revision < self._oldest or position.revision > self.newest:
            return None
        first = bisect_right(self._revisions, revision, lo=self._first, key=attrgetter("number"))
        return self._revisions[first : first + max_revisions]

    def _expire_first(self) -> None:
        expired = self._revisions[self._first]
        self._revisions[self._first] = expired._replace(changes=())
        self._first += 1
        self._oldest = expired.number
        self.changes -= len(expired.changes)
        self.bytes -= _size(expired.changes)
        if self._first > len(self._revisions) // 2:
            del self._revisions[: self._first]
            self._first = 0


def _size(changes: tuple[Change, ...]) -> int:
    """Return the size of changes; an index key that the next change shares counts twice."""
    return sum(
        len(old or b"") + (len(ending) if item is None else len(item.json) + len(item.index_key))
        for _, _, item, old, _, ending in changes
    )

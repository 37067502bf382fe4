"""The journal: what changed from version to version, as far back as its bounds allow."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from app.repository.versions import Change, Version


class Difference(NamedTuple):
    """What changed from the version before to `revision`."""

    epoch: str
    revision: int
    changes: tuple[Change, ...]


class Journal:
    """The newest differences of one epoch, bounded in changes and in bytes."""

    def __init__(self, max_changes: int, max_bytes: int) -> None:
        self._max_changes = max_changes
        self._max_bytes = max_bytes
        self._epoch = ""
        self._oldest = 0
        self._newest = 0
        self._differences: deque[Difference] = deque()
        self.changes = 0
        self.bytes = 0

    def restart(self, version: Version) -> None:
        """Begin anew with the first version of an epoch."""
        self._epoch = version.epoch
        self._oldest = self._newest = version.revision
        self._differences.clear()
        self.changes = self.bytes = 0

    def record(self, version: Version, changes: tuple[Change, ...]) -> None:
        """Append what led to `version`, and let go of what no longer fits."""
        self._newest = version.revision
        if changes:
            self._differences.append(Difference(version.epoch, version.revision, changes))
            self.changes += len(changes)
            self.bytes += _size(changes)
        while self.changes > self._max_changes or self.bytes > self._max_bytes:
            gone = self._differences.popleft()
            self._oldest = gone.revision
            self.changes -= len(gone.changes)
            self.bytes -= _size(gone.changes)

    def since(self, epoch: str, revision: int) -> list[Difference] | None:
        """What changed after a revision, oldest first; None where that is not known (any more)."""
        if epoch != self._epoch or not self._oldest <= revision <= self._newest:
            return None
        return [difference for difference in self._differences if difference.revision > revision]


def _size(changes: tuple[Change, ...]) -> int:
    return sum(len(change.entry.body) for change in changes if change.entry is not None)

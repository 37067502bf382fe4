"""Holds: the versions that clients are walking through.

A version is held for an idle time after its last use, and for an absolute time
at most. Over the cap the newest walks are refused, not the older ones broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from app.repository.versions import Version


BYTES_PER_CONTEXT: Final = 16
"""What a version has for each context besides its text: an id and a reference."""


class TooManySnapshots(Exception):
    """No further snapshot can be held.

    Attributes:
        retry_after_seconds: when one of those held now expires at the latest.
    """

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many snapshots are held")
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class Hold:
    """One held version; times are of the store's own clock, in seconds."""

    version: Version
    since: float
    used: float


class Holds:
    """The held versions, by epoch and revision."""

    def __init__(
        self,
        *,
        idle_seconds: float,
        max_seconds: float,
        max_count: int,
        max_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self.idle_seconds = idle_seconds
        self.max_seconds = max_seconds
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._clock = clock
        self._held: dict[tuple[str, int], Hold] = {}

    def find(self, epoch: str, revision: int) -> Hold | None:
        """The hold on a version, whose idle time begins anew; None where it is not held."""
        self._expire()
        hold = self._held.get((epoch, revision))
        if hold is not None:
            hold.used = self._clock()
        return hold

    def take(self, version: Version) -> Hold:
        """Hold a version, or go on holding it.

        Raises:
            TooManySnapshots: it is not held yet, and the cap is reached.
        """
        hold = self.find(version.epoch, version.revision)
        if hold is None:
            if self._is_full(version) or self.bytes(version) > self._max_bytes:
                raise TooManySnapshots(self._first_expiry())
            now = self._clock()
            hold = Hold(version, since=now, used=now)
            self._held[version.epoch, version.revision] = hold
        return hold

    def remaining_seconds(self, hold: Hold) -> float:
        """For how long the version is held, if it is used in time."""
        return hold.since + self.max_seconds - self._clock()

    def bytes(self, current: Version | None) -> int:
        """At most so many bytes are kept by `current` and all that is held.

        A held version costs what the next newer one does not have, which is no
        more than its own size, and no more than what was retired in between.
        """
        versions = [hold.version for hold in self._held.values()]
        if current is not None and (current.epoch, current.revision) not in self._held:
            versions.append(current)
        versions.sort(key=lambda version: version.began)
        total = versions[-1].size if versions else 0
        for older, newer in pairwise(versions):
            if older.entries is newer.entries:
                continue
            total += len(older.ids) * BYTES_PER_CONTEXT
            if older.epoch == newer.epoch:
                total += min(older.size, newer.retired - older.retired)
            else:
                total += older.size
        return total

    def __len__(self) -> int:
        self._expire()
        return len(self._held)

    def _is_full(self, version: Version) -> bool:
        """Whether `version` would be one too many. Versions without a difference count as one."""
        kept = {id(hold.version.entries) for hold in self._held.values()}
        return id(version.entries) not in kept and len(kept) >= self._max_count

    def _expire(self) -> None:
        now = self._clock()
        self._held = {key: hold for key, hold in self._held.items() if now < self._end(hold)}

    def _end(self, hold: Hold) -> float:
        """When the version is let go, if it is not used before."""
        return min(hold.used + self.idle_seconds, hold.since + self.max_seconds)

    def _first_expiry(self) -> float:
        """How many seconds it is until the next version is let go."""
        now = self._clock()
        ends = [self._end(hold) for hold in self._held.values()]
        return max(0.0, min(ends, default=now + self.idle_seconds) - now)

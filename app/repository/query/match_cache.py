"""The cache of filter results, so that a list is filtered once for all of its pages.

Snapshots with the same objects share their results.

Filtering is CPU-bound: two threads would only contend for the GIL. So one selection is filtered at
a time, for one caller after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import anyio.to_thread
from cachetools import LRUCache

from app.repository.fairness import FairLimiter
from app.repository.query.filters import Selection
from app.repository.snapshot.model import Snapshot


MAX_ENTRIES: Final = 64
"""Maximum number of cached results; the least recently used is evicted."""


class Matches(NamedTuple):
    """The selected objects in a snapshot.

    Attributes:
        positions: their positions.
        version: a text that changes if one of them is added, changed or deleted.
    """

    positions: Sequence[int]
    version: str


class MatchCache:
    """The selected objects in snapshots. Belongs to one event loop."""

    def __init__(self, limiter: FairLimiter | None = None) -> None:
        """Create an empty cache.

        Args:
            limiter: admits the threads that filter.
        """
        self._results: LRUCache[tuple[str, int, Selection], Matches] = LRUCache(MAX_ENTRIES)
        self._limiter = limiter or FairLimiter(1)

    async def matches(self, snapshot: Snapshot, selection: Selection) -> Matches:
        """Return the matching objects in a complete snapshot."""
        key = (snapshot.epoch, snapshot.content_revision, selection)
        matches = self._results.get(key)
        if matches is not None:
            return matches
        async with self._limiter.seat():
            matches = self._results.get(key)
            if matches is None:
                matches = await anyio.to_thread.run_sync(_matches, snapshot, selection)
                self._results[key] = matches
        return matches


def _matches(snapshot: Snapshot, selection: Selection) -> Matches:
    """Return the matching objects. Runs in a thread."""
    positions = snapshot.positions_of(selection)
    return Matches(positions, snapshot.digest_of(positions))

"""The cache of filter results, so that a list is filtered once for all of its pages.

Filtering is CPU-bound: two threads would only contend for the GIL. So one selection is filtered at
a time, for one caller after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio.to_thread
from cachetools import LRUCache

from app.repository.fairness import FairLimiter
from app.repository.query.filters import Selection
from app.repository.snapshot.model import Snapshot


MAX_ENTRIES: Final = 64
"""Maximum number of cached results; the least recently used is evicted."""


class MatchCache:
    """The positions of selected objects in snapshots. Belongs to one event loop."""

    def __init__(self, limiter: FairLimiter | None = None) -> None:
        """Create an empty cache.

        Args:
            limiter: admits the threads that filter.
        """
        self._results: LRUCache[tuple[str, int, Selection], Sequence[int]] = LRUCache(MAX_ENTRIES)
        self._limiter = limiter or FairLimiter(1)

    async def positions(self, snapshot: Snapshot, selection: Selection) -> Sequence[int]:
        """Return the positions of the matching objects in a complete snapshot."""
        key = (snapshot.epoch, snapshot.revision, selection)
        matching = self._results.get(key)
        if matching is not None:
            return matching
        async with self._limiter.seat():
            matching = self._results.get(key)
            if matching is None:
                matching = await anyio.to_thread.run_sync(snapshot.positions_of, selection)
                self._results[key] = matching
        return matching

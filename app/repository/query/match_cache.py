"""The cache of filter results, so that a list is filtered once for all of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
import anyio.to_thread
from cachetools import LRUCache

from app.repository.query.filters import Selection
from app.repository.snapshot.model import Snapshot


MAX_ENTRIES: Final = 64
"""Maximum number of cached results; the least recently used is evicted."""

CONCURRENCY: Final = 1
"""Number of filtering threads: they are CPU-bound, so two would only contend for the GIL."""


class MatchCache:
    """The positions of selected objects in snapshots. Belongs to one event loop."""

    def __init__(self) -> None:
        self._results: LRUCache[tuple[str, int, Selection], Sequence[int]] = LRUCache(MAX_ENTRIES)
        self._limiter = anyio.CapacityLimiter(CONCURRENCY)

    async def positions(self, snapshot: Snapshot, selection: Selection) -> Sequence[int]:
        """Return the positions of the matching objects in a complete snapshot."""
        key = (snapshot.epoch, snapshot.revision, selection)
        async with self._limiter:
            matching = self._results.get(key)
            if matching is None:
                matching = await anyio.to_thread.run_sync(snapshot.positions_of, selection)
                self._results[key] = matching
        return matching

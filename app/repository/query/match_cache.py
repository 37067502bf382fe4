"""Where in a version a selection is found: worked out once for all pages of a walk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import anyio
import anyio.to_thread

from app.repository.query.filters import Selection
from app.repository.snapshot.model import Snapshot


MAX_ENTRIES: Final = 64
"""How many are remembered, those of the newest walks; others are worked out again."""

CONCURRENCY: Final = 1
"""Looking through all contexts keeps Python busy; two at a time would only wait for each other."""


class MatchCache:
    """The positions that selections have in versions. Belongs to one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, Selection], Sequence[int]] = OrderedDict()
        self._limiter = anyio.CapacityLimiter(CONCURRENCY)

    async def positions(self, version: Snapshot, selection: Selection) -> Sequence[int]:
        """The positions of what meets a selection in a complete version."""
        key = (version.epoch, version.revision, selection)
        async with self._limiter:
            known = self._known.get(key)
            if known is None:
                known = await anyio.to_thread.run_sync(version.positions_of, selection)
                self._known[key] = known
                if len(self._known) > MAX_ENTRIES:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(key)
        return known

"""Point refreshes: reading the dirty objects one by one instead of refreshing everything.

How they run: dirty ids are debounced, and the objects are read in batches. If a read
fails or an id was dropped, a full refresh is requested. An object is half-built if it
lacks parts that may appear soon; it is read again a little later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import structlog

from app.repository.limits import StoreLimits
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.state import PointRead
from bindings.errors import EngineBusy, EngineError


log = structlog.get_logger(__name__)

BATCH_IDS: Final = 250
"""Maximum number of ids per batch; other tasks and refreshes can run between batches."""
RECHECK_SECONDS: Final = (0.2, 1.0, 5.0)
"""Delays before a half-built object is read again, each counted from the previous read."""


class IncrementalRefresher:
    """Runs point refreshes, one batch at a time. Belongs to one event loop.

    Attributes:
        dirty_ids: the ids to read.
        error: why the last batch failed; None if it succeeded.
    """

    def __init__(
        self,
        dirty_ids: DirtyIds,
        limits: StoreLimits,
        read_points: Callable[[list[int]], Awaitable[dict[int, PointRead]]],
        request_refresh: Callable[[], None],
    ) -> None:
        """Create a refresher, which does nothing until `run`.

        Args:
            dirty_ids: the ids to read.
            limits: the debounce time and the pause after a failure.
            read_points: reads objects, applies their changes, and returns the reads by id.
            request_refresh: requests a full refresh.
        """
        self.dirty_ids = dirty_ids
        self.error: Exception | None = None
        self._limits = limits
        self._read_points = read_points
        self._request_refresh = request_refresh
        self._rechecks: dict[int, int] = {}

    async def run(self) -> None:
        """Read dirty objects until cancelled."""
        while True:
            await self.dirty_ids.wait()
            await anyio.sleep(self._limits.refresh_debounce_seconds)
            ids = self.dirty_ids.pop_all()
            for start in range(0, len(ids), BATCH_IDS):
                await self._refresh_points(ids[start : start + BATCH_IDS])
                if self.error is not None:
                    break  # the requested refresh covers the rest
            if self.error is not None:
                await anyio.sleep(self._limits.refresh_retry_seconds)
            if self.dirty_ids.has_overflowed:
                self.dirty_ids.has_overflowed = False
                self._request_refresh()

    async def _refresh_points(self, object_ids: list[int]) -> None:
        try:
            point_reads = await self._read_points(object_ids)
        except ShuttingDown:
            return
        except Exception as error:  # the refresh requested below covers this batch
            if str(self.error) != str(error):
                log.warning(
                    "point_refresh_failed",
                    error=str(error),
                    exc_info=not isinstance(error, EngineError | EngineBusy),
                )
            self.error = error
            self._rechecks.clear()
            self._request_refresh()
            return
        self.error = None
        self._schedule_rechecks(point_reads)

    def _schedule_rechecks(self, point_reads: dict[int, PointRead]) -> None:
        for object_id, point_read in point_reads.items():
            count = self._rechecks.pop(object_id, 0)
            if point_read.is_half_built and count < len(RECHECK_SECONDS):
                self._rechecks[object_id] = count + 1
                self.dirty_ids.add_later(object_id, RECHECK_SECONDS[count])

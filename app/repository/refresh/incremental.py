"""Looks at single contexts, where the engine gave a hint: what a drain would cost too much for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import structlog

from app.repository.limits import StoreLimits
from app.repository.refresh.dirty_ids import DirtyIds
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.state import PointRead
from bindings.errors import EngineError


log = structlog.get_logger(__name__)

BATCH_IDS: Final = 250
"""After how many looks at single contexts others on the event loop have their turn."""
RECHECK_SECONDS: Final = (0.2, 1.0, 5.0)
"""When a context that was half-built is looked at again, counted from the look before."""


class IncrementalRefresher:
    """Follows hints, one batch after the other. Belongs to one event loop.

    Attributes:
        dirty_ids: takes the ids of contexts to which something has happened.
        error: why the last look failed; None where it did not.
    """

    def __init__(
        self,
        dirty_ids: DirtyIds,
        limits: StoreLimits,
        read_points: Callable[[list[int]], Awaitable[dict[int, PointRead]]],
        request_refresh: Callable[[], None],
    ) -> None:
        """Make looks, which begin when they are followed.

        Args:
            dirty_ids: where the ids come from.
            limits: how long hints are gathered, and how soon a failure is tried again.
            read_points: takes what there is of some contexts, and says what that was.
            request_refresh: has everything read, where looks have missed something.
        """
        self.dirty_ids = dirty_ids
        self.error: Exception | None = None
        self._limits = limits
        self._read_points = read_points
        self._request_refresh = request_refresh
        self._half_built: dict[int, int] = {}

    async def run(self) -> None:
        """Look wherever there is a hint, until cancelled."""
        while True:
            await self.dirty_ids.wait()
            await anyio.sleep(self._limits.gather_seconds)
            ids = self.dirty_ids.pop_all()
            for start in range(0, len(ids), BATCH_IDS):
                await self._refresh_points(ids[start : start + BATCH_IDS])
                if self.error is not None:
                    break  # a drain finds the others
            if self.error is not None:
                await anyio.sleep(self._limits.retry_seconds)
            if self.dirty_ids.has_overflowed:
                self.dirty_ids.has_overflowed = False
                self._request_refresh()

    async def _refresh_points(self, object_ids: list[int]) -> None:
        try:
            looks = await self._read_points(object_ids)
        except ShuttingDown:
            return
        except Exception as error:  # what it would have shown is found by a drain
            if str(self.error) != str(error):
                log.warning(
                    "look_failed", error=str(error), exc_info=not isinstance(error, EngineError)
                )
            self.error = error
            self._half_built.clear()
            self._request_refresh()
            return
        self.error = None
        self._recheck_half_built(looks)

    def _recheck_half_built(self, looks: dict[int, PointRead]) -> None:
        for object_id, look in looks.items():
            times = self._half_built.pop(object_id, 0)
            if look.is_half_built and times < len(RECHECK_SECONDS):
                self._half_built[object_id] = times + 1
                self.dirty_ids.add_later(object_id, RECHECK_SECONDS[times])

"""Looks at single contexts, where the engine gave a hint: what a drain would cost too much for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import structlog

from app.repository.limits import StoreLimits
from app.repository.refresh.dirty_ids import Hints
from app.repository.refresh.scheduler import DrainAborted
from app.repository.snapshot.state import Look
from bindings.errors import EngineError


log = structlog.get_logger(__name__)

AT_ONCE: Final = 250
"""After how many looks at single contexts others on the event loop have their turn."""
AGAIN_SECONDS: Final = (0.2, 1.0, 5.0)
"""When a context that was half-built is looked at again, counted from the look before."""


class Looks:
    """Follows hints, one batch after the other. Belongs to one event loop.

    Attributes:
        hints: takes the ids of contexts to which something has happened.
        error: why the last look failed; None where it did not.
    """

    def __init__(
        self,
        hints: Hints,
        limits: StoreLimits,
        look: Callable[[list[int]], Awaitable[dict[int, Look]]],
        drain: Callable[[], None],
    ) -> None:
        """Make looks, which begin when they are followed.

        Args:
            hints: where the ids come from.
            limits: how long hints are gathered, and how soon a failure is tried again.
            look: takes what there is of some contexts, and says what that was.
            drain: has everything read, where looks have missed something.
        """
        self.hints = hints
        self.error: Exception | None = None
        self._limits = limits
        self._look = look
        self._drain = drain
        self._half_built: dict[int, int] = {}

    async def follow(self) -> None:
        """Look wherever there is a hint, until cancelled."""
        while True:
            await self.hints.wait()
            await anyio.sleep(self._limits.gather_seconds)
            ids = self.hints.take()
            for start in range(0, len(ids), AT_ONCE):
                await self._look_at(ids[start : start + AT_ONCE])
                if self.error is not None:
                    break  # a drain finds the others
            if self.error is not None:
                await anyio.sleep(self._limits.retry_seconds)
            if self.hints.has_lost:
                self.hints.has_lost = False
                self._drain()

    async def _look_at(self, object_ids: list[int]) -> None:
        try:
            looks = await self._look(object_ids)
        except DrainAborted:
            return
        except Exception as error:  # what it would have shown is found by a drain
            if str(self.error) != str(error):
                log.warning(
                    "look_failed", error=str(error), exc_info=not isinstance(error, EngineError)
                )
            self.error = error
            self._half_built.clear()
            self._drain()
            return
        self.error = None
        self._look_again_at_half_built(looks)

    def _look_again_at_half_built(self, looks: dict[int, Look]) -> None:
        for object_id, look in looks.items():
            times = self._half_built.pop(object_id, 0)
            if look.is_half_built and times < len(AGAIN_SECONDS):
                self._half_built[object_id] = times + 1
                self.hints.give_later(object_id, AGAIN_SECONDS[times])

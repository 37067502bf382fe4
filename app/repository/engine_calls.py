"""Calls of the engine that single requests need: coalesced, fair to callers, and limited in time.

How calls are coalesced: a session serves one thread, so calls run one by one. Each request waits in
its caller's queue. The first whose turn comes makes the call for all requests that wait for one
with the same key, whichever caller they are of. A request never gets the result of a call that
began before it arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, Generic, TypeVar

import anyio
import anyio.to_thread

from app.repository.deadlines import EngineDeadline
from app.repository.fairness import FairLimiter, Place
from app.repository.store import EngineTimedOut


T = TypeVar("T")


class _Call(Generic[T]):
    """One call, and the places of the requests that wait for it.

    Attributes:
        since: when the last of these requests began to wait.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self.make = make
        self.since = 0.0
        self.places: list[Place] = []
        self.ended = anyio.Event()
        self.error: Exception | None = EngineTimedOut()
        self.result: T


class EngineCalls:
    """Makes calls for requests in a thread, one at a time. Belongs to one event loop.

    Attributes:
        limiter: its only seat is occupied by the present call.
    """

    def __init__(self, deadline: EngineDeadline) -> None:
        """Create it without calls.

        Args:
            deadline: limits how long each request waits.
        """
        self.limiter: Final = FairLimiter(1)
        self._deadline = deadline
        self._threads = anyio.CapacityLimiter(1)  # not of the shared pool, which others can exhaust
        self._pending: dict[Hashable, _Call[Any]] = {}

    async def run(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of a call that begins from now on.

        Args:
            key: calls with the same key have the same result.
            make: makes the call; runs in a thread, which is abandoned after the timeout.

        Raises:
            EngineTimedOut: the result did not come in time.
            ShuttingDown: the server is stopping.
            Exception: the call raised this error.
        """
        call: _Call[T] = self._pending.setdefault(key, _Call(make))
        since = call.since = anyio.current_time()
        place = self.limiter.join()
        call.places.append(place)
        try:
            if not place.is_admitted:
                await self._deadline.run(place.wait, since=since)
            if place.is_admitted:
                await self._make(key, call)
            else:
                await self._deadline.run(call.ended.wait, since=since)
        finally:
            call.places.remove(place)
            if not call.places and self._pending.get(key) is call:
                del self._pending[key]
            self.limiter.leave(place)
        if call.error is not None:
            # All waiters raise this one error: each starts its own traceback.
            raise call.error.with_traceback(None)
        return call.result

    async def _make(self, key: Hashable, call: _Call[T]) -> None:
        """Make a call for all that wait for it.

        It lasts as long as any of them may wait, even if this request is cancelled.
        """
        del self._pending[key]
        for place in call.places:
            if not place.is_admitted:
                self.limiter.leave(place)
        run = partial(
            anyio.to_thread.run_sync, call.make, abandon_on_cancel=True, limiter=self._threads
        )
        with anyio.CancelScope(shield=True):
            try:
                call.result = await self._deadline.run(run, since=call.since)
                call.error = None
            except Exception as error:  # noqa: BLE001  # raised by all that wait
                call.error = error
            finally:
                call.ended.set()

"""Fair access to limited capacity: one queue per caller, served in turn.

How it works, as in Kubernetes' API Priority and Fairness: work occupies seats, expensive work
several. If too few are free, it waits in its caller's queue. Free seats go to the caller that has
had least (start-time fair queuing: Goyal, Vin and Cheng, 1996), however long the queues are. A
caller therefore waits for one piece of work of each other caller, not for all of it. While seats
are free, nothing waits.
"""

from __future__ import annotations

import time
from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


CALLER: Final[ContextVar[Hashable]] = ContextVar("caller", default=None)
"""The caller that the running task works for: the key of its rate limit. None: callers on this
host without a credential, who count as one, and the server itself."""


MAX_TAGS: Final = 1000
"""Maximum number of callers' tags; beyond it, all are removed, and callers begin as equals."""


@dataclass(slots=True, eq=False)
class Place:
    """A place in a caller's queue.

    Attributes:
        caller: the caller.
        seats: the number of seats that its work occupies.
        joined_at: when it joined the queue, in seconds.
        is_admitted: whether it occupies its seats.
    """

    caller: Hashable
    seats: int
    joined_at: float
    is_admitted: bool = False
    _ended: Future[None] = field(default_factory=lambda: get_running_loop().create_future())

    async def wait(self) -> None:
        """Wait until it is admitted, or has left the queue."""
        await self._ended

    def end_wait(self, *, is_admitted: bool) -> None:
        """Wake the task that waits."""
        self.is_admitted = is_admitted
        if not self._ended.done():  # its task may have been cancelled
            self._ended.set_result(None)


class FairLimiter:
    """A number of seats, shared fairly by callers. Belongs to one event loop.

    Attributes:
        seats: the number of seats.
        waits: how many times work was admitted that had to wait.
        wait_seconds: how long this work has waited, in total.
    """

    def __init__(self, seats: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.seats: Final = seats
        self.waits = 0
        self.wait_seconds = 0.0
        self._clock = clock
        self._free = seats
        self._queues: dict[Hashable, deque[Place]] = {}
        self._virtual_time = 0
        self._tags: dict[Hashable, int] = {}

    @property
    def occupied(self) -> int:
        """The number of occupied seats."""
        return self.seats - self._free

    @property
    def waiting(self) -> int:
        """The number of places in the queues."""
        return sum(map(len, self._queues.values()))

    @property
    def waiting_of_caller(self) -> int:
        """The number of places in the present caller's queue."""
        return len(self._queues.get(CALLER.get(), ()))

    def join(self, seats: int = 1) -> Place:
        """Return a place for work of the present caller; `leave` it when the work has ended."""
        place = Place(CALLER.get(), min(seats, self.seats), self._clock())
        if self._has_free(place.seats):
            self._occupy(place)
        else:
            self._queues.setdefault(place.caller, deque()).append(place)
        return place

    def leave(self, place: Place) -> None:
        """Release the seats of a place, or remove it from its queue; later calls do nothing."""
        if place.is_admitted:
            place.is_admitted = False
            self._release(place.seats)
            return
        queue = self._queues.get(place.caller)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._queues[place.caller]
            place.end_wait(is_admitted=False)
            self._admit()

    @asynccontextmanager
    async def seat(self, seats: int = 1) -> AsyncIterator[None]:
        """Occupy seats for the duration of the block, once they are free."""
        place = self.join(seats)
        try:
            await place.wait()
            yield
        finally:
            self.leave(place)

    async def turn(self, seats: int = 1) -> None:
        """Occupy seats until the next iteration of the event loop, once they are free.

        The seats thus limit how much work begins in one iteration, before other tasks run.
        """
        seats = min(seats, self.seats)
        if self._has_free(seats):
            self._free -= seats
        else:
            place = self.join(seats)
            try:
                await place.wait()
            except BaseException:
                self.leave(place)
                raise
        get_running_loop().call_soon(self._release, seats)

    def _has_free(self, seats: int) -> bool:
        """Return whether seats are free, and nothing waits for them."""
        return not self._queues and seats <= self._free

    def _release(self, seats: int) -> None:
        self._free += seats
        self._admit()

    def _admit(self) -> None:
        """Admit work while there are seats, of the caller with the lowest tag first."""
        while self._queues:
            caller = min(self._queues, key=self._tag)
            queue = self._queues[caller]
            place = queue[0]
            if place.seats > self._free:
                return
            queue.popleft()
            if not queue:
                del self._queues[caller]
            self.waits += 1
            self.wait_seconds += self._clock() - place.joined_at
            self._occupy(place)

    def _occupy(self, place: Place) -> None:
        """Occupy the seats of a place, and account them to its caller."""
        self._free -= place.seats
        self._virtual_time = self._tag(place.caller)
        if len(self._tags) >= MAX_TAGS:
            self._tags.clear()
        self._tags[place.caller] = self._virtual_time + place.seats
        place.end_wait(is_admitted=True)

    def _tag(self, caller: Hashable) -> int:
        """Return the virtual time at which a caller's next work may start.

        Work moves it by its seats. It is not in the past: who was idle has saved nothing.
        """
        return max(self._virtual_time, self._tags.get(caller, 0))

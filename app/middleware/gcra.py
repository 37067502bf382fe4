"""Rate limiting by the generic cell rate algorithm (ITU-T I.371, annex A, virtual scheduling).

How it works: for each key, the limiter stores the time at which the key's full quota is restored.
Each event moves that time forward by `window / quota`. An event is over the limit if it would move
the time more than one window into the future.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple


MAX_KEYS: Final = 16_384
"""Maximum number of keys, about 4 MB of memory; the least recently used key is evicted."""

_NANOSECONDS: Final = 1_000_000_000


class RateLimitStatus(NamedTuple):
    """The state of a key's quota.

    Attributes:
        is_within: whether the event is within the limit.
        left: how many more events are within the limit now.
        nanoseconds: the time until the full quota is restored or, if `is_within` is false, until
            one event is within the limit again.
    """

    is_within: bool
    left: int
    nanoseconds: int

    @property
    def seconds(self) -> int:
        """`nanoseconds` in seconds, rounded up."""
        return -(-self.nanoseconds // _NANOSECONDS)


class GcraLimiter:
    """A rate limiter for events, per key. Belongs to one event loop.

    A key may use its whole quota at once. Every `window / quota`, one event is restored.

    Attributes:
        quota: the number of events that a key may use at once, and that a window restores.
        window_seconds: the length of the window.
    """

    def __init__(
        self,
        quota: int,
        window_seconds: int,
        keys: int = MAX_KEYS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Create a limiter without keys.

        Args:
            quota: the number of events that a key may use at once, and that a window restores.
            window_seconds: the length of the window.
            keys: the maximum number of keys.
            clock: returns a monotonic time, in nanoseconds.
        """
        self.quota = quota
        self.window_seconds = window_seconds
        self._max_keys = keys
        self._clock = clock
        self._interval = window_seconds * _NANOSECONDS // quota
        self._window = self._interval * quota
        self._full_at: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._full_at)

    def hit(self, key: Hashable) -> RateLimitStatus:
        """Count an event and return the status; an event over the limit uses no quota."""
        now = self._clock()
        debt = self._debt(key, now) + self._interval
        is_within = debt <= self._window
        if is_within:
            self._full_at[key] = now + debt
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
        if not is_within:
            return RateLimitStatus(False, 0, debt - self._window)
        return RateLimitStatus(True, (self._window - debt) // self._interval, debt)

    def peek(self, key: Hashable) -> RateLimitStatus:
        """Return whether one more event is within the limit, without counting an event."""
        debt = self._debt(key, self._clock())
        left = (self._window - debt) // self._interval
        if left < 1:
            return RateLimitStatus(False, 0, debt + self._interval - self._window)
        return RateLimitStatus(True, left, debt)

    def _debt(self, key: Hashable, now: int) -> int:
        """Return the nanoseconds until the full quota is restored."""
        return max(self._full_at.get(key, now) - now, 0)

"""Rates: how often something may happen, told apart by who does it, however many there are.

The generic cell rate algorithm (ITU-T I.371, annex A, virtual scheduling): of each key only one
time is kept, that at which it will have its whole quota again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple


MAX_KEYS: Final = 16_384
"""How many keys are remembered; some 4 MB. Whoever was not seen for longest begins anew."""

_NANOSECONDS: Final = 1_000_000_000


class RateLimitStatus(NamedTuple):
    """Where a key stands.

    Attributes:
        is_within: whether it has not gone beyond its rate.
        left: how many more may come now.
        nanoseconds: until one more may come, for a key that went beyond its rate; for others until
            the whole quota is there again.
    """

    is_within: bool
    left: int
    nanoseconds: int

    @property
    def seconds(self) -> int:
        """The same in whole seconds, never too few."""
        return -(-self.nanoseconds // _NANOSECONDS)


class GcraLimiter:
    """Counts what happens, key by key. Belongs to one event loop.

    A quota may be used at once, and comes back evenly over the window.

    Attributes:
        quota: how much may happen within a window.
        window_seconds: how long that is.
    """

    def __init__(
        self,
        quota: int,
        window_seconds: int,
        keys: int = MAX_KEYS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Count nothing yet.

        Args:
            quota: how much may happen within a window.
            window_seconds: how long that is.
            keys: how many to remember.
            clock: tells the time in nanoseconds.
        """
        self.quota = quota
        self.window_seconds = window_seconds
        self._keys = keys
        self._clock = clock
        self._interval = window_seconds * _NANOSECONDS // quota
        self._window = self._interval * quota
        self._whole_at: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._whole_at)

    def hit(self, key: Hashable) -> RateLimitStatus:
        """Count one more, unless that is beyond the rate: what is refused costs its key nothing."""
        now = self._clock()
        missing = self._missing(key, now) + self._interval
        is_within = missing <= self._window
        if is_within:
            self._whole_at[key] = now + missing
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > self._keys:
            self._whole_at.popitem(last=False)
        if not is_within:
            return RateLimitStatus(False, 0, missing - self._window)
        return RateLimitStatus(True, (self._window - missing) // self._interval, missing)

    def peek(self, key: Hashable) -> RateLimitStatus:
        """Where a key stands: whether one more would be within the rate."""
        missing = self._missing(key, self._clock())
        left = (self._window - missing) // self._interval
        if left < 1:
            return RateLimitStatus(False, 0, missing + self._interval - self._window)
        return RateLimitStatus(True, left, missing)

    def _missing(self, key: Hashable, now: int) -> int:
        """In how many nanoseconds the whole quota is there again."""
        return max(self._whole_at.get(key, now) - now, 0)

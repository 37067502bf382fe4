"""Extends 32-bit counters beyond their width.

The engine's 32-bit counters of packets and negotiations wrap around. A restart of the engine or
of IKEEXT resets them. If a counter is sampled often enough, the two cases can usually be
distinguished.
"""

from __future__ import annotations

from typing import Final


BITS: Final = 32
_HALF: Final = 1 << (BITS - 1)


class WrapAwareCounter:
    """A counter without an upper bound, updated from a 32-bit counter.

    Attributes:
        value: the value at the last update. It decreases only after a restart or in a new
            session.
    """

    def __init__(self) -> None:
        self.value = 0
        self._wraparounds = 0
        self._last = 0

    def update(self, counted: int, *, is_new: bool = False) -> None:
        """Update the value from the engine's counter.

        A decrease from the upper to the lower half of the 32-bit range within a session is taken
        for a wraparound, and every other decrease for a restart. This assumes that no counter
        grows by half the range or more between updates.

        Args:
            counted: the engine's 32-bit value.
            is_new: whether the session with the engine is new. The engine may then have
                restarted since the last update.
        """
        if counted < self._last:
            has_wrapped = not is_new and counted < _HALF <= self._last
            self._wraparounds = self._wraparounds + 1 if has_wrapped else 0
        elif is_new:
            self._wraparounds = 0
        self._last = counted
        self.value = (self._wraparounds << BITS) + counted

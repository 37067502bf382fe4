"""Extends 32-bit counters beyond their width.

The engine counts packets and negotiations in 32 bits, which wrap around. If a counter is
sampled often enough, a wraparound can be distinguished from a restart of IKEEXT or of the
engine, which resets the counter whatever its value.
"""

from __future__ import annotations

from typing import Final


BITS: Final = 32
_HALF: Final = 1 << (BITS - 1)


class WrapAwareCounter:
    """An unbounded counter fed from a 32-bit counter.

    Attributes:
        value: the extended value at the last update; it decreases only after a restart or in a
            new session.
    """

    def __init__(self) -> None:
        self.value = 0
        self._wraparounds = 0
        self._last = 0

    def update(self, counted: int, *, is_new: bool = False) -> None:
        """Update the value from the engine's counter.

        A decrease from the upper half of the 32-bit range to the lower half is a wraparound;
        every other decrease is a restart, since no counter grows by half the range between samples.

        Args:
            counted: the engine's 32-bit value.
            is_new: whether the session is new, so that the engine may have restarted since the last
                update.
        """
        if counted < self._last:
            has_wrapped = not is_new and counted < _HALF <= self._last
            self._wraparounds = self._wraparounds + 1 if has_wrapped else 0
        elif is_new:
            self._wraparounds = 0
        self._last = counted
        self.value = (self._wraparounds << BITS) + counted

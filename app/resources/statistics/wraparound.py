"""Counters of 32 bits that go on where they begin anew.

The engine counts packets and negotiations in 32 bits, which overflow. Seen often enough, an
overflow can be told from a beginning: of IKEEXT or of the whole engine, after which the counter
is small again, whatever it was.
"""

from __future__ import annotations

from typing import Final


BITS: Final = 32
_HALF: Final = 1 << (BITS - 1)


class WrapAwareCounter:
    """One counter, as it would be with room for all of it.

    Attributes:
        value: as of the last look at it; smaller than before only where the engine began anew.
    """

    def __init__(self) -> None:
        self.value = 0
        self._overflows = 0
        self._last = 0

    def update(self, counted: int, *, is_new: bool = False) -> None:
        """Take what the engine counts now.

        Less than before is an overflow where it was in the upper half of what 32 bits can hold
        and is in the lower half now; nothing counts that fast between two looks otherwise.

        Args:
            counted: by the engine, in 32 bits.
            is_new: whether the engine began anew since the last look.
        """
        if counted < self._last:
            is_overflow = not is_new and counted < _HALF <= self._last
            self._overflows = self._overflows + 1 if is_overflow else 0
        elif is_new:
            self._overflows = 0
        self._last = counted
        self.value = (self._overflows << BITS) + counted

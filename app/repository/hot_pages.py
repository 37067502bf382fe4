"""Hot pages: what was asked for more than once, ready to be sent.

A page is made of the texts of its contexts, which costs some time to gather
from all over the memory. A page that is asked for again, by many clients that
walk the same snapshot or poll it, is worth keeping as a whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class HotPages:
    """Joined pages, bounded in bytes; the one not used for longest goes first."""

    def __init__(self, max_bytes: int, max_remembered: int = 1024) -> None:
        """Make an empty store of pages.

        Args:
            max_bytes: how many bytes all pages may have.
            max_remembered: of how many pages it is remembered that they were asked for once.
        """
        self._max_bytes = max_bytes
        self._max_remembered = max_remembered
        self._asked: OrderedDict[Hashable, None] = OrderedDict()
        self._joined: OrderedDict[Hashable, bytes] = OrderedDict()
        self.bytes = 0

    def ready(self, key: Hashable, texts: list[bytes]) -> list[bytes]:
        """The texts of the page `key`, or all of them as one, joined by commas."""
        joined = self._joined.get(key)
        if joined is not None:
            self._joined.move_to_end(key)
            return [joined]
        if key not in self._asked:
            self._asked[key] = None
            if len(self._asked) > self._max_remembered:
                self._asked.popitem(last=False)
            return texts
        del self._asked[key]
        joined = self._joined[key] = b",".join(texts)
        self.bytes += len(joined)
        while self.bytes > self._max_bytes:
            _, gone = self._joined.popitem(last=False)
            self.bytes -= len(gone)
        return [joined] if texts else []

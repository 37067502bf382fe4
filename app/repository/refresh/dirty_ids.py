"""Dirty ids: the objects that the engine has reported as changed."""

from __future__ import annotations

import asyncio

from app.repository.mailbox import Mailbox


class DirtyIds(Mailbox[int]):
    """The ids for point refreshes, in order of arrival.

    Attributes:
        has_overflowed: whether an id was dropped since this was last set to False.
    """

    def __init__(self, max_count: int) -> None:
        super().__init__(max_count)
        self.has_overflowed = False

    def add(self, object_id: int) -> None:
        """Queue an object for a point refresh. Any thread may call this."""
        if len(self._items) == self._items.maxlen:
            self.has_overflowed = True
        self.put(object_id)

    def add_later(self, object_id: int, seconds: float) -> None:
        """Queue an object after a delay. Call it on the event loop only."""
        asyncio.get_running_loop().call_later(seconds, self.add, object_id)

    def pop_all(self) -> list[int]:
        """Remove and return all ids, each once."""
        return list(dict.fromkeys(self.take()))

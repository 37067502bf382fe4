"""The database of a hub, for the event loop: its store, used by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import anyio.to_thread

from app.hub.store import HubStore
from app.repository.fairness import FairLimiter


T = TypeVar("T")


class Database:
    """Runs work on a store in a thread; callers get their turns fairly.

    Attributes:
        store: the store.
        turns: admits the thread: one caller's reports delay another's by one of them.
    """

    def __init__(self, store: HubStore) -> None:
        self.store: Final = store
        self.turns: Final = FairLimiter(1)

    async def run(self, work: Callable[[HubStore], T]) -> T:
        """Do work on the store and return its result. Once begun, it cannot be cancelled.

        Raises:
            StoreFailed: the database cannot be used now.
        """
        async with self.turns.seat():
            return await anyio.to_thread.run_sync(work, self.store)

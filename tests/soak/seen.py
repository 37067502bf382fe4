"""Contexts and cursors that clients have seen, for their next requests."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any


class Seen:
    """Some of the newest contexts and cursors, shared by all clients."""

    def __init__(self) -> None:
        self.contexts: deque[dict[str, Any]] = deque(maxlen=200)
        self.cursors: deque[str] = deque(maxlen=50)

    def remember(self, page: dict[str, Any], random: Random) -> None:
        """Keep a sample of a page."""
        self.contexts.extend(random.sample(page["items"], min(5, len(page["items"]))))
        if "nextCursor" in page:
            self.cursors.append(page["nextCursor"])

    def id(self, random: Random) -> str:
        """Return the id of a context that existed, and may still exist."""
        return random.choice(self.contexts)["saContextId"] if self.contexts else "1"

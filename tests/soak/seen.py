"""What clients have seen: what they ask for next comes from there."""

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
        """Keep a little of a page."""
        self.contexts.extend(random.sample(page["items"], min(5, len(page["items"]))))
        if "nextCursor" in page:
            self.cursors.append(page["nextCursor"])

    def id(self, random: Random) -> str:
        """The id of a context that there was, and may still be."""
        return random.choice(self.contexts)["saContextId"] if self.contexts else "1"

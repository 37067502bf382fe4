"""Objects and cursors that clients have seen of a list, for their next requests."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any


class Seen:
    """Some of the newest objects and cursors of a list, shared by all clients."""

    def __init__(self) -> None:
        self.objects: deque[dict[str, Any]] = deque(maxlen=200)
        self.cursors: deque[str] = deque(maxlen=50)

    def remember(self, page: dict[str, Any], random: Random) -> None:
        """Keep a sample of a page."""
        self.objects.extend(random.sample(page["items"], min(5, len(page["items"]))))
        if "nextCursor" in page:
            self.cursors.append(page["nextCursor"])

    def id(self, random: Random, name: str) -> str:
        """Return the member `name` of a random seen object, which may have been deleted since."""
        return random.choice(self.objects)[name] if self.objects else "1"

"""The minimum rate at which a client must read."""

from __future__ import annotations

from typing import Final

from app.net.send_queue import SendQueue


MIN_BYTES_PER_SECOND: Final = 1024
"""The rate at which a client must read while it has something to read, on average over the timeout.

Kestrel requires 240 bytes a second. At that rate a client could hold a page of 5 MB for six hours.
"""


class ReadTimeout:
    """Notices a client that does not read, or reads too slowly.

    Attributes:
        unread_since: when the client last had read enough, in the event loop's time; None: it has
            read everything.
    """

    def __init__(self, seconds: float) -> None:
        """Create a timeout.

        Args:
            seconds: within which a client must read what was waiting for it at their start, or
                `MIN_BYTES_PER_SECOND`.
        """
        self.unread_since: float | None = None
        self._seconds = seconds
        self._target = 0

    def is_over(self, queue: SendQueue, now: float) -> bool:
        """Record the progress; return whether the client has not read enough in time."""
        if not queue.unacknowledged:
            self.unread_since = None
        elif self.unread_since is None or queue.acknowledged >= self._target:
            self.unread_since = now
            enough = int(MIN_BYTES_PER_SECOND * self._seconds)
            self._target = queue.acknowledged + min(queue.unacknowledged, enough)
        return self.unread_since is not None and now - self.unread_since > self._seconds

    def reset(self) -> None:
        """Restart the time: the client has read."""
        self.unread_since = None

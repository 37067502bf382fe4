"""The result of a store's last refresh, and when the next one is due because of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.repository.limits import StoreLimits


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """The result of one refresh.

    Attributes:
        started_at: when it started, in UTC.
        started: when it started, in seconds on the store's clock.
        seconds: how long it took.
        object_count: the number of objects that it read; 0 if it failed.
        error: why it failed; None if it succeeded.
    """

    started_at: datetime
    started: float
    seconds: float
    object_count: int
    error: Exception | None

    def succeeded_since(self, moment: float) -> bool:
        """Return whether it succeeded, and started at `moment` or later, on the store's clock."""
        return self.error is None and self.started >= moment

    def next_periodic(self, limits: StoreLimits) -> float:
        """Return when the next periodic refresh is due, on the store's clock."""
        pause = limits.refresh_retry_seconds if self.error else limits.refresh_interval_seconds
        return self.started + max(pause, self.seconds)

    def next_would_be_late(self, seconds_left: float, max_age: float) -> bool:
        """Return whether the next refresh, unless it starts now, may end too late for requests.

        Otherwise, one of many requests in succession would have to wait for it.

        Args:
            seconds_left: for how long the snapshot is recent enough for such requests.
            max_age: the maximum age of the requests' snapshot, in seconds.
        """
        return self.error is None and seconds_left <= min(2 * self.seconds, max_age / 2)

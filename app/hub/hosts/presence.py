"""Signs of life of hosts, kept in memory and written to the database in bulk."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from app.hub.settings import HEARTBEATS, HubSettings
from app.hub.store import Host, Seen


class HostState(StrEnum):
    """How current the hub's knowledge of a host is."""

    CURRENT = "current"
    """It has given signs of life."""
    LATE = "late"
    """Three heartbeats are missing; what the hub shows may have changed since."""
    LOST = "lost"
    """It has been silent for long: it is off, cut off, or its agent does not run."""


class Presence:
    """When each host was last seen. Belongs to one event loop."""

    def __init__(self, settings: HubSettings, clock: Callable[[], float] = time.time) -> None:
        self._late_after = HEARTBEATS * settings.heartbeat_seconds
        self._lost_after = settings.lost_seconds
        self._clock = clock
        self._started = clock()
        self._seen: dict[str, Seen] = {}
        self._unwritten: set[str] = set()

    def see(self, host_id: str, host_time: float | None = None) -> None:
        """Note a sign of life; `host_time` is the time by the host's clock, if it said so."""
        now = self._clock()
        before = self._seen.get(host_id)
        skew = before.clock_skew if before else 0.0
        if host_time is not None:
            skew = host_time - now
        self._seen[host_id] = Seen(host_id, now, skew)
        self._unwritten.add(host_id)

    def take_unwritten(self) -> list[Seen]:
        """Return what has not been written; `put_back` it if it cannot be."""
        unwritten, self._unwritten = self._unwritten, set()
        return [self._seen[each] for each in sorted(unwritten)]

    def put_back(self, seen: list[Seen]) -> None:
        """Take back what could not be written."""
        self._unwritten |= {each.host_id for each in seen}

    def of(self, host: Host) -> Seen | None:
        """Return the last sign of life of a host; None: there was none."""
        seen = self._seen.get(host.id)
        if seen is None and host.seen_at is not None:
            return Seen(host.id, host.seen_at, host.clock_skew or 0.0)
        return seen

    def state_of(self, host: Host) -> HostState:
        """Return the state of a host. While the hub did not run, nobody could give signs."""
        seen = self.of(host)
        silent_since = max(self._started, host.enrolled_at, seen.at if seen else 0.0)
        silent = self._clock() - silent_since
        if silent > self._lost_after:
            return HostState.LOST
        return HostState.LATE if silent > self._late_after else HostState.CURRENT

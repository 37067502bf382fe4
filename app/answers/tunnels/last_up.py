"""When endpoints last had an SA context with both SAs, even if their tunnel is gone by now.

A policy that is deleted and created again has another key. So the times are kept by endpoints, for
as long as failures count as recent: they are compared with the times of failures.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Final

from app.answers.peers.failures import RECENT
from app.answers.tunnels.configured import ConfiguredTunnel


MAX_OTHERS: Final = 1000
"""Maximum number of times that are kept in addition to one for each tunnel."""

_Endpoints = tuple[bytes | None, tuple[bytes, ...]]


class LastUp:
    """The times, in UTC. Belongs to one event loop."""

    def __init__(self) -> None:
        self._times: OrderedDict[_Endpoints, datetime] = OrderedDict()  # the oldest time first

    def see(self, tunnel: ConfiguredTunnel, now: datetime) -> None:
        """Note that a tunnel is up."""
        endpoints = (tunnel.local, tunnel.remotes)
        self._times[endpoints] = now
        self._times.move_to_end(endpoints)

    def of(self, tunnel: ConfiguredTunnel) -> datetime | None:
        """Return when the endpoints of a tunnel were last up; None if that is not known."""
        return self._times.get((tunnel.local, tunnel.remotes))

    def expire(self, now: datetime, tunnels: int) -> None:
        """Forget times that are no longer recent, and the oldest ones beyond the maximum.

        Args:
            now: the time.
            tunnels: the number of tunnels.
        """
        while self._times:
            oldest = next(iter(self._times))
            is_recent = now - self._times[oldest] <= RECENT
            if is_recent and len(self._times) <= tunnels + MAX_OTHERS:
                break
            del self._times[oldest]

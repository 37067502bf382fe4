"""The last failed negotiation between the endpoints of each tunnel, from the net events.

Anyone who can send a packet can make IKE fail, from any source address. So failures are kept for
configured endpoints only: at most three for each pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

import anyio.lowlevel
import orjson

from app.answers.peers.failures import Failure, reported_failure
from app.answers.tunnels.configured import ConfiguredTunnel
from app.resources.net_events.buffer import BufferedEvent, EventId
from app.resources.net_events.collector import NetEventCollector


MAX_EVENTS: Final = 100
"""Number of net events that are examined without a pause, which takes a few milliseconds."""

Ends = tuple[bytes | None, bytes]
"""A local and a remote address; the local one is None for any, and empty if it is unknown."""


class TunnelFailures:
    """The last failures between configured endpoints. Belongs to one event loop."""

    def __init__(self, net_events: NetEventCollector) -> None:
        """Find failures in these net events."""
        self._net_events = net_events
        self._tunnels: Sequence[ConfiguredTunnel] = ()
        self._ends: frozenset[Ends] = frozenset()
        self._remotes: frozenset[bytes] = frozenset()
        self._last: dict[Ends, Failure] = {}
        self._last_event = EventId("", 0)

    def set_tunnels(self, tunnels: Sequence[ConfiguredTunnel]) -> None:
        """Keep the failures of these tunnels; for new ones, examine all net events again."""
        if tunnels is self._tunnels:
            return  # thousands need not be compared after each change of an SA context
        self._tunnels = tunnels
        ends = frozenset(
            pair
            for tunnel in tunnels
            for remote in tunnel.remotes
            for pair in ((tunnel.local, remote), (b"", remote))
        )
        if ends == self._ends:
            return
        self._ends = ends
        self._remotes = frozenset(remote for _, remote in ends)
        self._last = {pair: failure for pair, failure in self._last.items() if pair in ends}
        self._last_event = self._last_event._replace(number=0)

    async def take(self) -> None:
        """Examine the net events since the last call."""
        buffer = self._net_events.buffer
        if self._last_event.epoch != buffer.epoch:
            self._last.clear()  # their addresses may have been misread
            self._last_event = EventId(buffer.epoch, 0)
        while events := buffer.after(self._last_event, MAX_EVENTS):
            now = datetime.now(UTC)
            for event in events:
                if event.remote_address in self._remotes:
                    self._take(event, event.remote_address, now)
            self._last_event = EventId(buffer.epoch, events[-1].number)
            await anyio.lowlevel.checkpoint()

    def _take(self, event: BufferedEvent, remote: bytes, now: datetime) -> None:
        failure = reported_failure(event, now)
        if failure is None or not failure.is_fatal:
            return
        local = orjson.loads(event.json)["localAddress"]
        for pair in ((None, remote), (ip_address(local).packed if local else b"", remote)):
            known = self._last.get(pair)
            if pair in self._ends and (known is None or known.at <= failure.at):
                self._last[pair] = failure

    def of(self, tunnel: ConfiguredTunnel) -> Failure | None:
        """Return the last failure between the endpoints of a tunnel; None if none is known."""
        found = [
            self._last.get(pair)
            for remote in tunnel.remotes
            for pair in ((tunnel.local, remote), (b"", remote))
        ]
        return max(filter(None, found), key=lambda failure: failure.at, default=None)

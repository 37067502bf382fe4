"""The limits on the number of connections, and the eviction of idle ones."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from itertools import chain
from typing import Any, Protocol

from app.net.networks import is_loopback
from app.settings.limits import ConnectionLimits


class Connection(Protocol):
    """A connection that can be evicted.

    Attributes:
        transport: its transport.
        network: the client's network, as `client_network` returns it.
    """

    transport: asyncio.Transport
    network: str


class IdleConnections:
    """The connections that may be evicted, longest idle first.

    Connections that have not served a request, or whose last request was rejected, are evicted
    before all others.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._unused: dict[Connection, None] = {}
        self._used: dict[Connection, None] = {}

    def add(self, connection: Connection, *, is_used: bool) -> None:
        """Append a connection, or move it to the end if it is present.

        Args:
            connection: the idle connection.
            is_used: whether it has served a request, and its last request was not rejected.
        """
        self.discard(connection)
        (self._used if is_used else self._unused)[connection] = None

    def discard(self, connection: Connection) -> None:
        """Remove a connection if it is present."""
        self._unused.pop(connection, None)
        self._used.pop(connection, None)

    def admit(self, newest: Connection, connections: set[Any]) -> bool:
        """Return whether the limits admit a new connection; evict an idle one if that is necessary.

        If the network of `newest` has too many connections, the evicted one is of that network.

        Args:
            newest: the new connection.
            connections: all connections including `newest`, each with its `network`.
        """
        max_share = self._limits.max_connections_per_address
        if len(connections) > max_share and not is_loopback(newest.network):
            others = {each for each in connections if each.network == newest.network} - {newest}
            if len(others) >= max_share:
                return self.evict(others)
        return len(connections) <= self._limits.max_connections or self.evict()

    def evict(self, among: Container[Any] | None = None) -> bool:
        """Abort the first idle connection in order of eviction; return False if none is idle.

        Args:
            among: the connections to choose from; None: all.
        """
        idle = chain(self._unused, self._used)
        candidate = next((each for each in idle if among is None or each in among), None)
        if candidate is None:
            return False
        self.discard(candidate)
        candidate.transport.abort()
        return True

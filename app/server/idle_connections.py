"""The limits on the number of connections, and the eviction of those that matter least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from operator import itemgetter
from typing import Any, Final, Protocol

from app.net.networks import is_loopback
from app.server.admission import Admission
from app.settings.limits import ConnectionLimits


ABANDONED_SECONDS: Final = 0.5
"""How long a response must be unread to count as abandoned.

The acknowledgements of a distant client are on their way for less.
"""
HANDSHAKE_SECONDS: Final = 1
"""How long a new connection has to send a request; until then, most others are evicted before it.

A distant client needs less for the handshakes of TCP and TLS, and for its request to arrive.
"""
SCAN_SECONDS: Final = 0.1
"""How often a full server measures what its clients have not read."""
MAX_RESERVED: Final = 8
"""Connections beyond the maximum, for health probes only."""


class Connection(Protocol):
    """A connection that can be evicted.

    Attributes:
        network: the client's network, as `IdleConnections.network_of` returns it.
        is_silent: whether the client has sent nothing yet.
    """

    network: str
    is_silent: bool

    @property
    def is_rejected(self) -> bool:
        """Whether its last request was rejected, for a wrong credential or a quota."""

    @property
    def caller(self) -> Hashable:
        """The caller of its last request, by a credential that was accepted; None: unidentified."""

    @property
    def is_authorized(self) -> bool:
        """Whether its last request had the required credential, or none is required."""

    @property
    def unread_since(self) -> float | None:
        """When the client last had read enough, as of `enforce_limits`; None: it has read all."""

    def enforce_limits(self, now: float) -> None:
        """Measure what the client has read, and end the connection if it exceeds a timeout."""

    def abort(self) -> None:
        """End the connection at once."""


class IdleConnections:
    """The connections that may be evicted.

    A closing connection whose client has read everything is closed instead. The order of eviction:

    1. a response that an unidentified client has not read for `ABANDONED_SECONDS`;
    2. an idle connection that has not served a request for `HANDSHAKE_SECONDS`, or whose last
       request was rejected that long ago; rejected ones are first, then those that have sent
       nothing;
    3. an idle connection whose last request lacked the required credential;
    4. an idle connection, then an unread response, of a caller with more than half of all;
    5. as 2, but younger;
    6. any other idle connection;
    7. any other response that an unidentified client has not read completely;
    8. a response that an identified client has not read for `ABANDONED_SECONDS`.

    Within each, the longest idle or unread is first.

    Attributes:
        proxies: the trusted proxies, which have no limit per address.
    """

    def __init__(self, limits: ConnectionLimits, admission: Admission) -> None:
        self.proxies = admission.proxies
        self._limits = limits
        self._admission = admission
        self._rejected: dict[Connection, float] = {}
        self._silent: dict[Connection, float] = {}
        self._unused: dict[Connection, float] = {}
        self._used: dict[Connection, None] = {}
        self._closing: dict[Connection, None] = {}
        self._reserved: dict[Connection, None] = {}
        self._unread: list[Connection] = []
        self._next_scan = 0.0

    def __len__(self) -> int:
        unused = len(self._rejected) + len(self._silent) + len(self._unused)
        return unused + len(self._used) + len(self._closing) + len(self._reserved)

    def add(self, connection: Connection, now: float, *, is_used: bool) -> None:
        """Append an idle connection, or move it to the end if it is present.

        Args:
            connection: the idle connection.
            now: the event loop's time, in seconds.
            is_used: whether it has served a request, and its last request was not rejected.
        """
        self.discard(connection)
        if is_used:
            self._used[connection] = None
        elif connection.is_rejected:
            self._rejected[connection] = now
        else:
            (self._silent if connection.is_silent else self._unused)[connection] = now

    def add_closing(self, connection: Connection) -> None:
        """Append a connection that the server has closed."""
        self._closing[connection] = None

    def discard(self, connection: Connection) -> None:
        """Remove a connection if it is present."""
        self._rejected.pop(connection, None)
        self._silent.pop(connection, None)
        self._unused.pop(connection, None)
        self._used.pop(connection, None)
        self._closing.pop(connection, None)
        self._reserved.pop(connection, None)

    def network_of(self, client: tuple[str, int] | None) -> str:
        """Return the network that a connection counts against.

        Args:
            client: the address and port of the connection's other end; None: unknown.
        """
        return self.proxies.network_of(client[0] if client else "")

    def admit(self, newest: Connection, connections: set[Any], now: float) -> bool:
        """Return whether the limits admit a new connection; evict one if that is necessary.

        If the network of `newest` has too many connections, the evicted one is of that network. If
        none is evicted, but many connections have not sent a request, one of these may be dropped,
        `newest` included.

        Args:
            newest: the new connection.
            connections: all connections including `newest`.
            now: the event loop's time, in seconds.
        """
        among = self._eviction_candidates(newest, connections)
        if among is None:
            self._drop_early(newest)
            return True
        self.measure(connections - self._reserved.keys() - {newest}, now)
        return self.evict(among, now)

    def _eviction_candidates(self, newest: Connection, connections: set[Any]) -> set[Any] | None:
        """Return the connections of which one must be evicted to admit `newest`; None: no need."""
        max_count = self._limits.max_connections
        max_share = self._limits.max_connections_per_address
        if len(connections) <= min(max_count, max_share):
            return None
        others = connections - self._reserved.keys() - {newest}
        share = others
        if not is_loopback(newest.network) and newest.network not in self.proxies:
            share = {each for each in others if each.network == newest.network}
            if len(share) < max_share:
                share = others
        return None if share is others and len(others) < max_count else share

    def _drop_early(self, newest: Connection) -> None:
        """Drop a connection that has not sent a request, if there are many, for a distant one."""
        if newest.is_silent and not is_loopback(newest.network):
            dropped = self._admission.early_drop([*self._silent], [*self._unused], newest)
            if dropped is not None:
                self._abort(dropped)

    def measure(self, connections: set[Any], now: float) -> None:
        """Find the responses that are unread, unless that was done a moment ago.

        Args:
            connections: all connections that may be evicted.
            now: the event loop's time, in seconds.
        """
        if now < self._next_scan:
            return
        self._next_scan = now + SCAN_SECONDS
        for connection in connections:
            connection.enforce_limits(now)
        unread = [(each.unread_since, each) for each in connections]
        found = [(since, each) for since, each in unread if since is not None]
        self._unread = [each for _, each in sorted(found, key=itemgetter(0))]

    def reserve(self, connection: Connection) -> None:
        """Admit a connection beyond the maximum; evict the oldest of too many such connections."""
        self._reserved[connection] = None
        if len(self._reserved) > MAX_RESERVED:
            self._abort(next(iter(self._reserved)))

    def evict(self, among: set[Any], now: float) -> bool:
        """End the first connection in order of eviction; return False if there is none.

        Args:
            among: the connections to choose from.
            now: the event loop's time, in seconds.
        """
        oldest = next((each for each in self._closing if each in among), None)
        if oldest is not None:
            oldest.enforce_limits(now)
            if oldest not in self._closing:
                return True
        candidate = next(self._candidates(among, now), None)
        if candidate is None:
            return False
        self._abort(candidate)
        return True

    def _candidates(self, among: set[Connection], now: float) -> Iterator[Connection]:
        """Yield connections in order of eviction."""
        abandoned, young = now - ABANDONED_SECONDS, now - HANDSHAKE_SECONDS
        yield from self._unread_before(abandoned, among, is_identified=False)
        yield from self._unused_since(young, among, is_longer=True)
        used = [each for each in self._used if each in among]
        yield from (each for each in used if not each.is_authorized)
        yield from self._of_greedy_caller(used, among)
        yield from self._unused_since(young, among, is_longer=False)
        yield from used
        yield from self._unread_before(now, among, is_identified=False)
        yield from self._unread_before(abandoned, among, is_identified=True)

    def _unused_since(
        self, moment: float, among: set[Connection], *, is_longer: bool
    ) -> Iterator[Connection]:
        """Yield those idle at this moment without a served request, or those idle since later."""
        for group in (self._rejected, self._silent, self._unused):
            for connection, since in group.items():
                if (since <= moment) is is_longer and connection in among:
                    yield connection

    def _of_greedy_caller(
        self, used: list[Connection], among: set[Connection]
    ) -> Iterator[Connection]:
        """Yield the connections of a caller that has more than half of the maximum."""
        counts = Counter(each.caller for each in among if each.caller is not None)
        for caller, count in counts.most_common(1):
            if count > self._limits.max_connections // 2:
                yield from (each for each in used if each.caller == caller)
                yield from (
                    each for each in self._unread if each in among and each.caller == caller
                )

    def _unread_before(
        self, end: float, among: set[Connection], *, is_identified: bool
    ) -> Iterator[Connection]:
        for connection in self._unread:
            since = connection.unread_since
            is_candidate = since is not None and since <= end and connection in among
            if is_candidate and (connection.caller is not None) is is_identified:
                yield connection

    def _abort(self, connection: Connection) -> None:
        self.discard(connection)
        connection.abort()

"""The SA contexts in tunnel mode between two outer addresses, counted from the running peers.

Only the contexts of configured remote addresses are counted. They are counted again only after a
change of that peer, in a thread if it has many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import anyio.lowlevel
import anyio.to_thread

from app.answers.peers.aggregate import Peers
from app.answers.peers.item import BOTH
from app.answers.peers.parts import PeerKey
from app.answers.tunnels.configured import ConfiguredTunnel
from app.repository.query.filters import Key
from app.resources.sa_contexts.index import reader
from app.resources.sa_contexts.suites import SUITES
from app.schemas.names import TrafficType


MANY: Final = 256
"""The number of contexts above which a thread counts them; these take half a millisecond.

Also the number that is counted without a pause.
"""

_FIELDS: Final = reader("suite", "local", "remote")


class Counted(NamedTuple):
    """A number of SA contexts.

    Attributes:
        contexts: all of them.
        complete: those with both SAs.
    """

    contexts: int
    complete: int


NOTHING: Final = Counted(0, 0)


class TunnelCounts:
    """The numbers of SA contexts between endpoints. Belongs to one event loop."""

    def __init__(self, peers: Peers) -> None:
        """Create counts of the contexts of these peers, which follow `mark`."""
        self._peers = peers
        self._by_remote: dict[PeerKey, Mapping[bytes | None, Counted]] = {}
        self._remotes: set[PeerKey] = set()
        self._outdated: set[PeerKey] = set()

    def mark(self, changed: set[PeerKey]) -> None:
        """Count the contexts of these peers again with the next `count`."""
        self._outdated |= self._remotes & changed

    async def count(self, remotes: set[PeerKey]) -> None:
        """Count the contexts of these remote addresses, as far as needed; forget all others."""
        self._remotes = remotes  # first: even a new peer may change while a thread counts
        self._outdated &= remotes
        for key in (self._by_remote.keys() - remotes) | self._outdated:
            self._by_remote.pop(key, None)  # so a cancelled count is made again
        since_pause = 0
        for key in remotes - self._by_remote.keys():
            self._outdated.discard(key)
            peer = self._peers.get(key)
            keys = () if peer is None else tuple(peer.contexts.values())
            if len(keys) > MANY:
                self._by_remote[key] = await anyio.to_thread.run_sync(by_local, keys, key)
            else:
                self._by_remote[key] = by_local(keys, key)
                since_pause += 1 + len(keys)
                if since_pause > MANY:
                    since_pause = 0
                    await anyio.lowlevel.checkpoint()

    def of(self, tunnel: ConfiguredTunnel) -> Counted:
        """Return the number of contexts between the endpoints of a tunnel.

        It is 0 if the remote endpoint is any address: nothing distinguishes the tunnel's contexts
        from those of other tunnels.
        """
        found = [self._by_remote[remote].get(tunnel.local, NOTHING) for remote in tunnel.remotes]
        return Counted(
            sum([each.contexts for each in found]), sum([each.complete for each in found])
        )


def by_local(keys: Iterable[Key], remote: PeerKey) -> dict[bytes | None, Counted]:
    """Return the number of contexts in tunnel mode with a remote address, by local address.

    Args:
        keys: the index keys of the contexts.
        remote: the packed remote address.

    Returns:
        The numbers by packed local address; with any local address, by None.
    """
    found: dict[bytes | None, Counted] = {}
    for key in keys:
        locals_ = [
            local
            for suite, local, other in _FIELDS(key)
            if other == remote and SUITES[suite].traffic_type[0] == TrafficType.TUNNEL
        ]
        for local in {*locals_, None} if locals_ else ():
            contexts, complete = found.get(local, NOTHING)
            both = len(locals_) if local is None else locals_.count(local)
            found[local] = Counted(contexts + 1, complete + (both >= BOTH))
    return found

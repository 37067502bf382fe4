"""The peers of this host: running counts of their SA contexts and main mode SAs.

How they are kept: each change of an object moves its index key, which the store's snapshot already
holds, into or out of its peers. What a peer shows is made from these keys only when somebody asks,
and only for peers that have changed. A peer with very many contexts is counted as a whole instead,
so that, in a storm of SAs with one peer, an SA costs no more than elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Final, TypeVar

import anyio.lowlevel

from app.answers.peers.expected import ExpectedPeers
from app.answers.peers.failures import Failure, RecentFailures
from app.answers.peers.parts import (
    ContextPart,
    PeerKey,
    part_of_context,
    peers_of_ike_sa,
)
from app.repository.query.filters import Key
from app.repository.snapshot.model import Change, Item
from app.resources.sa_contexts.description import packed_names_of
from app.resources.sa_contexts.index import remote_addresses
from app.resources.wfp.endpoints import packed_names_of_ends


T = TypeVar("T")

MANY: Final = 64
"""The number of contexts above which a peer's parts are counted with each change."""
SLICE: Final = 500
"""Number of peers whose objects are replaced without a pause, in some two milliseconds."""


class Peer:
    """One peer.

    Attributes:
        contexts: the index keys of its SA contexts, by id.
        ike_sas: the index keys of its main mode SAs, by id.
        changed_at: when one of them was last added, modified or deleted; None: not since the
            server started.
        item: what the peer shows; None until it is made, and after each change.
    """

    __slots__ = ("_tally", "changed_at", "contexts", "ike_sas", "item")

    def __init__(self) -> None:
        self.contexts: dict[int, Key] = {}
        self.ike_sas: dict[int, Key] = {}
        self.changed_at: datetime | None = None
        self.item: Item | None = None
        self._tally: Counter[ContextPart] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the peer has no SA."""
        return not self.contexts and not self.ike_sas

    @property
    def is_crowd(self) -> bool:
        """Whether the peer has many different parts, as behind a NAT: a thread should read them."""
        return len(self.contexts) > MANY and len(self.parts()) > MANY

    def copy(self) -> Peer:
        """Return a copy without an item, which a thread may read while this peer changes."""
        copy = Peer()
        copy.contexts, copy.ike_sas = self.contexts.copy(), self.ike_sas.copy()
        copy.changed_at = self.changed_at
        copy._tally = None if self._tally is None else self._tally.copy()
        return copy

    def set_context(self, object_id: int, key: Key) -> None:
        """Add a context, or replace its index key."""
        if self._tally is not None:
            self.remove_context(object_id)
            self._tally[part_of_context(key)] += 1
        self.contexts[object_id] = key

    def remove_context(self, object_id: int) -> None:
        """Remove a context, if the peer has it."""
        key = self.contexts.pop(object_id, None)
        if self._tally is not None and key is not None:
            part = part_of_context(key)
            self._tally[part] -= 1
            if not self._tally[part]:
                del self._tally[part]

    def replace_contexts(self, contexts: dict[int, Key]) -> None:
        """Replace all contexts."""
        self.contexts = contexts
        self._tally = None

    def parts(self) -> Mapping[ContextPart, int]:
        """Return the number of contexts by what they add to the peer."""
        if len(self.contexts) <= MANY:
            self._tally = None
            return Counter(map(part_of_context, self.contexts.values()))
        if self._tally is None:
            self._tally = Counter(map(part_of_context, self.contexts.values()))
        return self._tally


class Peers:
    """All peers that have SAs or are expected, and recent failures. Belongs to one event loop.

    Attributes:
        failures: the recent failures.
        expected: the expected peers.
        changed: the peers that changed since `take_changed`.
    """

    def __init__(self, expected: Iterable[PeerKey] = (), names: Iterable[str] = ()) -> None:
        """Create peers without SAs.

        Args:
            expected: the keys of the expected peers.
            names: the principal names that are expected at any address.
        """
        self.failures = RecentFailures()
        self.expected: Final = ExpectedPeers(expected, names)
        self.changed: set[PeerKey] = set(self.expected)
        self._peers: dict[PeerKey, Peer] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def get(self, key: PeerKey) -> Peer | None:
        """Return a peer; None if it has no SA."""
        return self._peers.get(key)

    def keys(self) -> set[PeerKey]:
        """Return the keys of all peers: with SAs, expected, or known by failures alone."""
        return self._peers.keys() | {*self.expected} | self.failures.unknown.keys()

    def take_changed(self) -> set[PeerKey]:
        """Return the peers that changed since the last call."""
        changed, self.changed = self.changed, set()
        return changed

    def apply_contexts(self, changes: Iterable[Change], at: datetime) -> None:
        """Apply changes of SA contexts that became known at a time."""
        get, mark = self._peers.get, self.changed.add  # called for each change
        for _kind, object_id, item, old_key, *_ in changes:
            new: tuple[PeerKey, ...] = ()
            if item is not None:
                index_key = item.index_key
                new = remote_addresses(index_key)
                for key in new:
                    peer = get(key)
                    if peer is None:
                        peer = self._created(key)
                    peer.item = None
                    peer.changed_at = at
                    mark(key)
                    peer.set_context(object_id, index_key)
                if self.expected.has_names:
                    self._see(new, self.expected.find(packed_names_of(index_key)))
            if old_key is not None and (item is None or old_key != item.index_key):
                gone = [key for key in remote_addresses(old_key) if key not in new]
                for key in gone:
                    self._changed(key, at).remove_context(object_id)
                self._drop_empty(gone)

    def apply_ike_sas(self, changes: Iterable[Change], at: datetime) -> None:
        """Apply changes of main mode SAs that became known at a time."""
        for _kind, object_id, item, old_key, *_ in changes:
            old = () if old_key is None else peers_of_ike_sa(old_key)
            for key in old:
                self._changed(key, at).ike_sas.pop(object_id, None)
            if item is not None:
                new = peers_of_ike_sa(item.index_key)
                for key in new:
                    self._changed(key, at).ike_sas[object_id] = item.index_key
                if self.expected.has_names:
                    self._see(new, self.expected.find(packed_names_of_ends(item.index_key)))
            self._drop_empty(old)

    async def replace_contexts(
        self,
        contexts: Mapping[PeerKey, dict[int, Key]],
        at: datetime | None,
        named: Iterable[tuple[PeerKey, str]] = (),
    ) -> None:
        """Replace all SA contexts, with a pause after each `SLICE` peers.

        If it is cancelled, call it again: the peers then have some of the new contexts.

        Args:
            contexts: the contexts (`by_peer`).
            at: the time of the change; None: it is no change of any peer.
            named: the expected names of peers (`names_by_peer`).
        """
        async for key in _with_pauses(self._before_and_in(contexts)):
            peer = self._peers.get(key)
            new = contexts.get(key, {})
            if new if peer is None else peer.contexts != new:
                self._changed(key, at).replace_contexts(new)
                self._drop_empty((key,))
        async for key, name in _with_pauses(named):
            self._see((key,), (name,))

    async def replace_ike_sas(
        self,
        ike_sas: Mapping[PeerKey, dict[int, Key]],
        at: datetime | None,
        named: Iterable[tuple[PeerKey, str]] = (),
    ) -> None:
        """Replace all main mode SAs (`by_peer`); the rest is as for `replace_contexts`."""
        async for key in _with_pauses(self._before_and_in(ike_sas)):
            peer = self._peers.get(key)
            new = ike_sas.get(key, {})
            if new if peer is None else peer.ike_sas != new:
                self._changed(key, at).ike_sas = new
                self._drop_empty((key,))
        async for key, name in _with_pauses(named):
            self._see((key,), (name,))

    def add_failure(self, key: PeerKey, failure: Failure) -> None:
        """Count a failure of a peer."""
        is_known = key in self._peers or key in self.expected
        self.changed.update(self.failures.add(key, failure, is_known=is_known))

    def expire_failures(self, now: datetime) -> None:
        """Drop failures that are no longer recent."""
        self.changed.update(self.failures.expire(now))

    def clear_failures(self) -> None:
        """Forget all failures."""
        self.changed.update(self.failures.clear())

    def _before_and_in(self, objects: Mapping[PeerKey, object]) -> Iterator[PeerKey]:
        """Return an iterator of the present peers that have no such objects, then of the others."""
        return chain((key for key in [*self._peers] if key not in objects), objects)

    def _see(self, keys: Iterable[PeerKey], names: Iterable[str]) -> None:
        """Expect names at peers that have SAs with them."""
        for name in names:
            for key in keys:
                for changed in self.expected.see(key, name, self._peers.__contains__):
                    peer = self._peers.get(changed)
                    if peer is not None:
                        peer.item = None
                    is_known = peer is not None or changed in self.expected
                    self.changed.update(self.failures.set_known(changed, is_known=is_known))
                    self.changed.add(changed)

    def _changed(self, key: PeerKey, at: datetime | None) -> Peer:
        """Return a peer, which is about to change; create it if it does not exist."""
        peer = self._peers.get(key)
        if peer is None:
            peer = self._created(key)
        peer.item = None
        if at is not None:
            peer.changed_at = at
        self.changed.add(key)
        return peer

    def _created(self, key: PeerKey) -> Peer:
        peer = self._peers[key] = Peer()
        if key not in self.expected:
            self.changed.update(self.failures.set_known(key, is_known=True))
        return peer

    def _drop_empty(self, keys: Iterable[PeerKey]) -> None:
        for key in keys:
            peer = self._peers.get(key)
            if peer is not None and peer.is_empty:
                del self._peers[key]
                self.expected.leave(key)
                if key not in self.expected:
                    self.changed.update(self.failures.set_known(key, is_known=False))


async def _with_pauses(values: Iterable[T]) -> AsyncIterator[T]:
    """Yield values; let other tasks run after each `SLICE` of them."""
    for count, value in enumerate(values, 1):
        yield value
        if count % SLICE == 0:
            await anyio.lowlevel.checkpoint()


def by_peer(
    objects: Iterable[tuple[int, Key]], peers_of: Callable[[Key], Iterable[PeerKey]]
) -> dict[PeerKey, dict[int, Key]]:
    """Return the index keys of objects, by peer and id."""
    found: dict[PeerKey, dict[int, Key]] = defaultdict(dict)
    for object_id, key in objects:
        for peer in peers_of(key):
            found[peer][object_id] = key
    return dict(found)

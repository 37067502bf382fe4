"""The peers that should have SAs: the addresses in the settings, and where names were last seen.

A name is expected at the addresses that have SAs with it. If none has, it is expected at the one
that had SAs last. Before the server has seen a name, no address is expected for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from app.answers.peers.parts import PeerKey
from app.resources.wfp.indexed_names import NameKind, names_in


MAX_REMEMBERED: Final = 4096
"""Number of packed names for which the expected ones among them are remembered."""


class ExpectedPeers:
    """The expected peers. Belongs to one event loop, except for `find`.

    Attributes:
        addresses: the expected addresses.
        has_names: whether any name is expected.
    """

    def __init__(self, addresses: Iterable[PeerKey] = (), names: Iterable[str] = ()) -> None:
        self.addresses: Final = frozenset(addresses)
        by_folded = {name.casefold(): name for name in names}
        self.has_names: Final = bool(by_folded)
        self._seen_at: dict[str, dict[PeerKey, None]] = {}
        self._names_at: dict[PeerKey, set[str]] = {}

        def find(packed: bytes) -> tuple[str, ...]:
            found = (
                by_folded.get(name.casefold()) for name in names_in(packed, NameKind.PRINCIPAL)
            )
            return tuple(dict.fromkeys(name for name in found if name is not None))

        self.find: Final[Callable[[bytes], tuple[str, ...]]] = lru_cache(MAX_REMEMBERED)(find)
        """Return the expected names among packed names, as the settings spell them."""

    def __contains__(self, key: PeerKey) -> bool:
        return key in self.addresses or key in self._names_at

    def __iter__(self) -> Iterator[PeerKey]:
        return iter({*self.addresses, *self._names_at})

    def names(self, key: PeerKey) -> list[str]:
        """Return the names that are expected at an address."""
        return sorted(self._names_at.get(key, ()))

    def see(self, key: PeerKey, name: str, exists: Callable[[PeerKey], bool]) -> set[PeerKey]:
        """Expect a name at an address that has SAs with it; return the addresses that changed.

        Args:
            key: the address.
            name: the name.
            exists: returns whether an address has SAs; those that have none lose the name.
        """
        addresses = self._seen_at.setdefault(name, {})
        if key in addresses:
            return set()
        changed = {each for each in addresses if not exists(each)}
        for each in changed:
            self._forget(each, name)
        addresses[key] = None
        self._names_at.setdefault(key, set()).add(name)
        return changed | {key}

    def leave(self, key: PeerKey) -> None:
        """Follow an address that has lost its last SA: its names stay if they are nowhere else."""
        for name in self.names(key):
            if len(self._seen_at[name]) > 1:
                self._forget(key, name)

    def _forget(self, key: PeerKey, name: str) -> None:
        del self._seen_at[name][key]
        names = self._names_at[key]
        names.discard(name)
        if not names:
            del self._names_at[key]


def names_by_peer(
    peers: Mapping[PeerKey, Mapping[int, bytes]],
    packed_names_of: Callable[[bytes], bytes],
    expected: ExpectedPeers,
) -> list[tuple[PeerKey, str]]:
    """Return the expected names of peers, given the index keys of their objects."""
    if not expected.has_names:
        return []
    return [
        (peer, name)
        for peer, objects in peers.items()
        for name in dict.fromkeys(
            name for key in objects.values() for name in expected.find(packed_names_of(key))
        )
    ]

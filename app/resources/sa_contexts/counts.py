"""Running counts of SA contexts by protection and by peer."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from functools import lru_cache
from heapq import nsmallest
from typing import Final, TypeVar, cast

from app.repository.counts import Counts
from app.repository.query.filters import Key
from app.resources.sa_contexts.index import reader
from app.resources.sa_contexts.suites import MAX_REMEMBERED, SUITES, Suite


T = TypeVar("T")

_SUITES_AND_PEERS: Final = reader("suite", "remote")


class SaContextCounts:
    """Counts of SA contexts, updated with each change.

    A context counts once for each value that any of its SAs has. Each count therefore equals
    the length of the list filtered by that value.

    Attributes:
        contexts: the number of contexts.
        without_sa: the number of contexts without an SA, which are half-built or expired.
        with_weakness: the number of contexts that have an SA with a weakness.
        with_peers: the number of pairs of a context and one of its remote addresses.
    """

    def __init__(self) -> None:
        self.contexts = 0
        self.without_sa = 0
        self.with_weakness = 0
        self.with_peers = 0
        self._values: Counter[tuple[str, str]] = Counter()
        self._peers: Counter[bytes] = Counter()

    def copy(self) -> SaContextCounts:
        """Return an independent copy."""
        copied = SaContextCounts()
        copied.contexts = self.contexts
        copied.without_sa = self.without_sa
        copied.with_weakness = self.with_weakness
        copied.with_peers = self.with_peers
        copied._values = self._values.copy()
        copied._peers = self._peers.copy()
        return copied

    def add(self, key: Key) -> None:
        """Count a context."""
        self._count(key, 1)

    def remove(self, key: Key) -> None:
        """Stop counting a context."""
        self._count(key, -1)

    def by(self, field: str) -> dict[str, int]:
        """Return the number of contexts by value of a suite's field, the highest number first."""
        counts = [
            (value, contexts) for (name, value), contexts in self._values.items() if name == field
        ]
        return dict(sorted(counts, key=lambda item: (-item[1], item[0])))

    def peers(self, max_count: int) -> list[tuple[bytes, int]]:
        """Return at most `max_count` packed remote addresses with their numbers of contexts.

        The addresses with the most contexts come first.
        """
        return nsmallest(max_count, self._peers.items(), key=lambda item: (-item[1], item[0]))

    def with_peer(self, peer: bytes) -> int:
        """Return the number of contexts that have an SA with this packed remote address."""
        return self._peers.get(peer, 0)

    @property
    def peer_count(self) -> int:
        """Number of different remote addresses."""
        return len(self._peers)

    def _count(self, key: Key, difference: int) -> None:
        records = list(_SUITES_AND_PEERS(key))
        self.contexts += difference
        if not records:
            self.without_sa += difference
        values, is_weak = _values_of(frozenset([suite for suite, _ in records]))
        self.with_weakness += difference * is_weak
        for value in values:
            _change(self._values, value, difference)
        for peer in {remote for _, remote in records}:
            if peer:
                _change(self._peers, peer, difference)
                self.with_peers += difference


@lru_cache(maxsize=MAX_REMEMBERED)
def _values_of(suites: frozenset[int]) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Return all (field, value) pairs of the suites, and whether any suite has a weakness."""
    values = {
        (field.name, value)
        for number in suites
        for field in fields(Suite)
        for value in getattr(SUITES[number], field.name)
    }
    return tuple(values), any(SUITES[number].weakness for number in suites)


def _change(counter: Counter[T], value: T, difference: int) -> None:
    counter[value] += difference
    if not counter[value]:
        del counter[value]


def counts_of(counts: Counts) -> SaContextCounts:
    """Cast the generic counts of a store of SA contexts to `SaContextCounts`."""
    return cast(SaContextCounts, counts)

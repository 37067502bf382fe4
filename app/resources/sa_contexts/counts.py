"""How many contexts are protected in which way, and with which peers."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from functools import lru_cache
from heapq import nsmallest
from typing import TypeVar, cast

from app.repository.counts import Counts
from app.repository.query.filters import Key
from app.resources.sa_contexts.index import unpack_records
from app.resources.sa_contexts.suites import MAX_REMEMBERED, SUITES, Suite


T = TypeVar("T")


class SaContextCounts:
    """Running counts of one version's contexts; changes are counted, not all anew.

    A context counts once for each value that one of its SAs has: as often as a
    list that is filtered by that value shows it. There are as many counts as values,
    however many contexts and combinations of values there are.

    Attributes:
        contexts: how many there are.
        without_sa: contexts that have no SA: half-built or expired ones.
        with_weakness: contexts that have an SA with a weakness.
        with_peers: contexts that have an SA with a remote address, once for each that they have.
    """

    def __init__(self) -> None:
        self.contexts = 0
        self.without_sa = 0
        self.with_weakness = 0
        self.with_peers = 0
        self._values: Counter[tuple[str, str]] = Counter()
        self._peers: Counter[bytes] = Counter()

    def copy(self) -> SaContextCounts:
        """The same counts, to be changed independently."""
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
        """Count a context no longer."""
        self._count(key, -1)

    def by(self, field: str) -> dict[str, int]:
        """How many contexts there are for each value of a suite's field, most first."""
        counted = [
            (value, contexts) for (of, value), contexts in self._values.items() if of == field
        ]
        return dict(sorted(counted, key=lambda item: (-item[1], item[0])))

    def peers(self, max_count: int) -> list[tuple[bytes, int]]:
        """The remote addresses with the most contexts, packed, and how many contexts each has."""
        return nsmallest(max_count, self._peers.items(), key=lambda item: (-item[1], item[0]))

    def with_peer(self, peer: bytes) -> int:
        """How many contexts have an SA with this remote address, packed."""
        return self._peers.get(peer, 0)

    @property
    def peer_count(self) -> int:
        """How many remote addresses there are."""
        return len(self._peers)

    def _count(self, key: Key, difference: int) -> None:
        records = list(unpack_records(key))
        self.contexts += difference
        if not records:
            self.without_sa += difference
        values, is_weak = _values_of(frozenset([record[0] for record in records]))
        self.with_weakness += difference * is_weak
        for value in values:
            _change(self._values, value, difference)
        for peer in {record[4][: record[3]] for record in records}:
            if peer:
                _change(self._peers, peer, difference)
                self.with_peers += difference


@lru_cache(maxsize=MAX_REMEMBERED)
def _values_of(suites: frozenset[int]) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Each value of each field that one of these suites has, and whether one is a weakness."""
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
    """Return the counts of the store of SA contexts as what they are."""
    return cast(SaContextCounts, counts)

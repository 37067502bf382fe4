"""How many contexts are protected in which way, and with which peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from heapq import nsmallest
from types import MappingProxyType
from typing import TypeVar

from app.encoding.suites import SUITES
from app.repository.keys import unpack_records
from app.repository.selection import Key


T = TypeVar("T")


class Counts:
    """Running counts of one version's contexts; changes are counted, not all anew.

    A context counts once for each value that one of its SAs has: as often as a
    list that is filtered by that value shows it.
    """

    def __init__(
        self,
        contexts: int = 0,
        shapes: Mapping[tuple[int, ...], int] = MappingProxyType({}),
        peers: Mapping[bytes, int] = MappingProxyType({}),
    ) -> None:
        """Begin with these counts, which are copied.

        Args:
            contexts: how many there are.
            shapes: how many have SAs of these suites, by their numbers.
            peers: how many have an SA with this remote address, packed.
        """
        self.contexts = contexts
        self._shapes = Counter(shapes)
        self._peers = Counter(peers)

    def copy(self) -> Counts:
        """The same counts, to be changed independently."""
        return Counts(self.contexts, self._shapes, self._peers)

    def add(self, key: Key) -> None:
        """Count a context."""
        self._count(key, 1)

    def remove(self, key: Key) -> None:
        """Count a context no longer."""
        self._count(key, -1)

    @property
    def without_sa(self) -> int:
        """Contexts that have no SA: half-built or expired ones."""
        return self._shapes.get((), 0)

    @property
    def with_weakness(self) -> int:
        """Contexts that have an SA with a weakness."""
        return sum(
            contexts
            for shape, contexts in self._shapes.items()
            if any(SUITES[number].weakness for number in shape)
        )

    def by(self, field: str) -> dict[str, int]:
        """How many contexts there are for each value of a suite's field, most first."""
        counted: Counter[str] = Counter()
        for shape, contexts in self._shapes.items():
            for value in {value for number in shape for value in getattr(SUITES[number], field)}:
                counted[value] += contexts
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    def peers(self, most: int) -> list[tuple[bytes, int]]:
        """The remote addresses with the most contexts, packed, and how many contexts each has."""
        return nsmallest(most, self._peers.items(), key=lambda item: (-item[1], item[0]))

    @property
    def peer_count(self) -> int:
        """How many remote addresses there are."""
        return len(self._peers)

    def _count(self, key: Key, difference: int) -> None:
        records = list(unpack_records(key))
        self.contexts += difference
        _change(self._shapes, tuple(sorted({record[0] for record in records})), difference)
        for peer in {record[4][: record[3]] for record in records}:
            if peer:
                _change(self._peers, peer, difference)


class Uncounted(Counts):
    """Counts nothing."""

    def copy(self) -> Uncounted:
        """These, for they never change."""
        return self

    def add(self, key: Key) -> None:
        """Count nothing."""

    def remove(self, key: Key) -> None:
        """Count nothing."""


def _change(counter: Counter[T], value: T, difference: int) -> None:
    counter[value] += difference
    if not counter[value]:
        del counter[value]

"""Rekeys: correlating an added object with the deleted one that it replaced.

The engine does not announce a rekey: one object is added and another is deleted,
in either order. They are correlated if both have an SA with the same peer, quick
mode filter and main mode SA.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from app.repository.query.filters import Key
from app.repository.snapshot.model import Change


MAX_GAP_SECONDS: Final = 120.0
"""Maximum time between the two changes: an expired SA may still receive packets for a minute
(IPsecSaContextExpire0)."""
MAX_REMEMBERED: Final = 10_000
"""Maximum number of added objects to remember, and likewise of deleted ones."""

Negotiation = tuple[bytes, int, int]
"""Of an SA: the peer's address, and the ids of its quick mode filter and its main mode SA."""


class RekeyCorrelator:
    """Pairs added objects with deleted ones, each at most once."""

    def __init__(
        self, negotiations: Callable[[Key], set[Negotiation]], clock: Callable[[], float]
    ) -> None:
        """Create a correlator.

        Args:
            negotiations: returns an object's negotiations, given its index key.
            clock: returns seconds.
        """
        self._negotiations = negotiations
        self._added = _RecentObjects(clock)
        self._deleted = _RecentObjects(clock)

    def correlate(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Return the changes, with `rekey_of` set on those whose counterpart is known."""
        for change in changes:
            self._added.add(change.object_id, self._new_negotiations(change))
        replaced_by = {}
        for change in changes:
            if change.kind == "deleted" and change.old_index_key is not None:
                negotiations = self._negotiations(change.old_index_key)
                counterpart = self._added.take(change.object_id, negotiations)
                if counterpart is None:
                    self._deleted.add(change.object_id, negotiations)
                else:
                    replaced_by[change.object_id] = counterpart
        for change in changes:
            if change.kind == "deleted":
                self._added.discard(change.object_id)  # a deleted object cannot replace another
        replaces = {new: old for old, new in replaced_by.items()}
        return tuple(
            self._with_counterpart(change, replaced_by if change.kind == "deleted" else replaces)
            for change in changes
        )

    def reset(self) -> None:
        """Forget all objects."""
        self._added.clear()
        self._deleted.clear()

    def _with_counterpart(self, change: Change, counterparts: dict[int, int]) -> Change:
        counterpart = counterparts.get(change.object_id)
        if counterpart is None:
            counterpart = self._deleted.take(change.object_id, self._new_negotiations(change))
            if counterpart is not None:
                self._added.discard(change.object_id)
        return change if counterpart is None else change._replace(rekey_of=counterpart)

    def _new_negotiations(self, change: Change) -> set[Negotiation]:
        """Return an object's negotiations if it had none before the change, else an empty set."""
        if change.item is None or (
            change.old_index_key and self._negotiations(change.old_index_key)
        ):
            return set()
        return self._negotiations(change.item.index_key)


class _RecentObjects:
    """The most recently added or deleted objects, by negotiation."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._objects: OrderedDict[int, tuple[set[Negotiation], float]] = OrderedDict()
        self._by_negotiation: dict[Negotiation, dict[int, None]] = {}

    def add(self, object_id: int, negotiations: set[Negotiation]) -> None:
        """Remember an object; do nothing if it has no negotiations."""
        if not negotiations:
            return
        self.discard(object_id)
        self._objects[object_id] = (negotiations, self._clock())
        for negotiation in negotiations:
            self._by_negotiation.setdefault(negotiation, {})[object_id] = None
        if len(self._objects) > MAX_REMEMBERED:
            self.discard(next(iter(self._objects)))

    def take(self, object_id: int, negotiations: set[Negotiation]) -> int | None:
        """Remove and return another recent object with one of these negotiations, if any."""
        earliest = self._clock() - MAX_GAP_SECONDS
        for negotiation in negotiations:
            for other in self._by_negotiation.get(negotiation, ()):
                if other != object_id and self._objects[other][1] >= earliest:
                    self.discard(other)
                    return other
        return None

    def discard(self, object_id: int) -> None:
        """Forget an object."""
        negotiations, _ = self._objects.pop(object_id, (set(), 0.0))
        for negotiation in negotiations:
            others = self._by_negotiation[negotiation]
            del others[object_id]
            if not others:
                del self._by_negotiation[negotiation]

    def clear(self) -> None:
        """Forget all objects."""
        self._objects.clear()
        self._by_negotiation.clear()

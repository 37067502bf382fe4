"""Rekeys: finding the context that took another's place.

A rekey is told by nothing: one context comes, and another goes, sooner or
later. That they belong together is inferred where both have an SA with the
same peer, of the same quick mode filter and the same main mode SA.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from app.repository.query.filters import Key
from app.repository.snapshot.model import Change


MAX_GAP_SECONDS: Final = 120.0
"""How far apart they may be; an expired SA may be received on for a minute
(IPsecSaContextExpire0)."""
MAX_REMEMBERED: Final = 10_000
"""How many that came, and how many that went, are remembered."""

Negotiation = tuple[bytes, int, int]
"""What negotiates SAs: the peer's address, the quick mode filter and the main mode SA."""


class RekeyCorrelator:
    """Joins contexts that came with others that went, each at most once."""

    def __init__(
        self, negotiations: Callable[[Key], set[Negotiation]], clock: Callable[[], float]
    ) -> None:
        """Make rekeys.

        Args:
            negotiations: what negotiated a context, by its key.
            clock: gives seconds.
        """
        self._negotiations = negotiations
        self._came = _RecentObjects(clock)
        self._went = _RecentObjects(clock)

    def correlate(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """The same changes, with the partners that are known by now."""
        for change in changes:
            self._came.add(change.object_id, self._negotiated(change))
        replaced_by = {}
        for change in changes:
            if change.kind == "deleted" and change.old_index_key is not None:
                negotiations = self._negotiations(change.old_index_key)
                partner = self._came.take(change.object_id, negotiations)
                if partner is None:
                    self._went.add(change.object_id, negotiations)
                else:
                    replaced_by[change.object_id] = partner
        for change in changes:
            if change.kind == "deleted":
                self._came.discard(change.object_id)  # it takes nobody's place any more
        replaces = {partner: gone for gone, partner in replaced_by.items()}
        return tuple(
            self._joined(change, replaced_by if change.kind == "deleted" else replaces)
            for change in changes
        )

    def reset(self) -> None:
        """Begin anew, as with an epoch."""
        self._came.clear()
        self._went.clear()

    def _joined(self, change: Change, partners: dict[int, int]) -> Change:
        partner = partners.get(change.object_id)
        if partner is None:
            partner = self._went.take(change.object_id, self._negotiated(change))
            if partner is not None:
                self._came.discard(change.object_id)
        return change if partner is None else change._replace(rekey_of=partner)

    def _negotiated(self, change: Change) -> set[Negotiation]:
        """What negotiated a context that had nothing negotiated before: it came, or was begun."""
        if change.item is None or (
            change.old_index_key and self._negotiations(change.old_index_key)
        ):
            return set()
        return self._negotiations(change.item.index_key)


class _RecentObjects:
    """The newest contexts to which something happened, by what negotiated them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._found: OrderedDict[int, tuple[set[Negotiation], float]] = OrderedDict()
        self._by: dict[Negotiation, dict[int, None]] = {}

    def add(self, object_id: int, negotiations: set[Negotiation]) -> None:
        """Remember a context, if there is anything to find it by."""
        if not negotiations:
            return
        self.discard(object_id)
        self._found[object_id] = (negotiations, self._clock())
        for negotiation in negotiations:
            self._by.setdefault(negotiation, {})[object_id] = None
        if len(self._found) > MAX_REMEMBERED:
            self.discard(next(iter(self._found)))

    def take(self, object_id: int, negotiations: set[Negotiation]) -> int | None:
        """Another context of one of these negotiations, the first; it is then no longer here."""
        earliest = self._clock() - MAX_GAP_SECONDS
        for negotiation in negotiations:
            for other in self._by.get(negotiation, ()):
                if other != object_id and self._found[other][1] >= earliest:
                    self.discard(other)
                    return other
        return None

    def discard(self, object_id: int) -> None:
        """Forget a context."""
        negotiations, _ = self._found.pop(object_id, (set(), 0.0))
        for negotiation in negotiations:
            others = self._by[negotiation]
            del others[object_id]
            if not others:
                del self._by[negotiation]

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()
        self._by.clear()

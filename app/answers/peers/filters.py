"""Filters and order of lists of peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import ClassVar

from app.answers.kind import AnswerSelection
from app.answers.peers.item import STATES, WEAKNESSES, indexed, names_in_key
from app.repository.query.filters import (
    Key,
    Subnet,
    filter_field,
    is_on_any,
    range_of,
)
from app.resources.wfp.indexed_names import NameKind, name_condition
from app.schemas.names import PeerSort, PeerState, WeaknessFilter


@dataclass(frozen=True)
class PeerSelection(AnswerSelection):
    """Filters on peers, all of which a peer must meet, and the order of the list.

    Attributes:
        sort: at most one order; without it, the list is in order of addresses.
    """

    LIST: ClassVar[str] = "peers"

    state: tuple[PeerState, ...] = filter_field(PeerState)
    weakness: tuple[WeaknessFilter, ...] = filter_field(WeaknessFilter)
    subnet: tuple[Subnet, ...] = filter_field(ip_network)
    principal_name: tuple[str, ...] = filter_field(str)
    sort: tuple[PeerSort, ...] = filter_field(PeerSort)

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the filters."""
        states = {STATES.index(state) for state in self.state}
        bits = sum(1 << at for at, each in enumerate(WEAKNESSES) if each in self.weakness)
        if WeaknessFilter.ANY in self.weakness:
            bits = (1 << len(WEAKNESSES)) - 1
        ranges = [*map(range_of, self.subnet)]
        has_name = name_condition({NameKind.PRINCIPAL: self.principal_name})

        def matches(key: Key) -> bool:
            peer = indexed(key)
            return (
                (not states or peer.state in states)
                and (not bits or bool(peer.weaknesses & bits))
                and (not ranges or is_on_any(peer.address, ranges))
                and (not self.principal_name or has_name(names_in_key(key)))
            )

        return matches

    @property
    def needs_failures(self) -> bool:
        """Whether only callers who may see failures may ask for this."""
        return PeerState.FAILING in self.state or PeerSort.FAILURES in self.sort

"""Snapshots of peers, whose texts end with numbers that make no revision.

What a walk shows: the snapshot keeps the bytes and the failures that were newest when it was made.
So all pages of a walk agree, with each other and with the order of the list, and a page that is
requested again is the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from app.answers.peers.failures import PeerFailures
from app.answers.peers.filters import PeerSelection
from app.answers.peers.item import indexed
from app.answers.peers.parts import peer_of_number
from app.answers.peers.traffic import Totals, Traffic
from app.answers.published import PublishedSnapshot
from app.repository.query.filters import Selection
from app.repository.snapshot.blocks import Span, joined
from app.repository.snapshot.model import Item, PageSlice
from app.schemas.hexadecimal import hex32
from app.schemas.names import PeerSort


BYTES_PER_PEER: Final = 200
"""The approximate memory of a peer in a leased snapshot: its places in three lists, and a share of
the texts of peers that have changed since."""
BYTES_PER_TRAFFIC: Final = 300
"""The memory of the traffic of a peer that has connections: a tuple of numbers, under another."""

NUMBERS: Final = b',"bytesInbound":'
"""The beginning of the members that make no revision; no text in JSON can contain it."""

_NOT_COUNTED: Final = (
    NUMBERS + b'null,"bytesOutbound":null,'
    b'"bytesInboundPerSecond":null,"bytesOutboundPerSecond":null'
)


def numbers_text(traffic: Traffic | None) -> bytes:
    """Return the members of the traffic, each after a comma."""
    if traffic is None:
        return _NOT_COUNTED
    inbound, outbound, inbound_rate, outbound_rate = traffic
    if inbound_rate is None or outbound_rate is None:
        rates = b"null", b"null"
    else:
        rates = b"%d" % inbound_rate, b"%d" % outbound_rate
    return b'%b"%d","bytesOutbound":"%d","bytesInboundPerSecond":%b,"bytesOutboundPerSecond":%b' % (
        NUMBERS,
        inbound,
        outbound,
        *rates,
    )


def failures_of(failures: PeerFailures | None) -> list[dict[str, Any]]:
    """Return recent failures as `RecentFailure` objects, the newest first."""
    if failures is None:
        return []
    return [
        {
            "code": code,
            "codeHex": hex32(code),
            "name": each.name,
            "count": each.times,
            "oldest": each.oldest,
            "newest": each.newest,
        }
        for code, each in failures.recent()
    ]


@dataclass(frozen=True, slots=True)
class PeerTexts:
    """The JSON texts of a snapshot: those of the items, with the numbers at their end.

    Attributes:
        items: the items.
        ids: the numbers of the peers.
        totals: the traffic.
        failures: the failures by peer; None: they may not be shown.
    """

    items: Sequence[Item]
    ids: Sequence[int]
    totals: Totals
    failures: Mapping[bytes, PeerFailures] | None

    @property
    def parts(self) -> Mapping[int, int]:
        """The sizes of the lists, which publications without a change share, and of the traffic."""
        return {
            id(self.items): len(self.items) * BYTES_PER_PEER,
            id(self.totals): len(self.totals.peers) * BYTES_PER_TRAFFIC,
        }

    @property
    def own_bytes(self) -> int:
        """Nothing: snapshots share all that is large."""
        return 0

    @property
    def size(self) -> int:
        """The size of the items' texts in bytes."""
        return sum(len(item.json) for item in self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: int) -> bytes:
        number = self.ids[position]
        end = numbers_text(self.totals.of(number))
        if self.failures is not None:
            failures: Any = []
            if self.failures:
                failures = failures_of(self.failures.get(peer_of_number(number)))
            end += b',"recentFailures":' + (
                orjson.dumps(failures, option=orjson.OPT_UTC_Z) if failures else b"[]"
            )
        return self.items[position].json[:-1] + end + b"}"

    def equals(self, before: PeerTexts) -> bool:
        """Return whether all numbers are those of earlier texts of the same peers."""
        return self.totals is before.totals and self.failures == before.failures

    def span(self, position: int) -> Span:
        """Return the place of a text: one of its own."""
        text = self[position]
        return Span(text, 0, len(text))

    def pieces(self, positions: Sequence[int]) -> Iterator[bytes]:
        """Yield the texts at these positions, each after a comma, joined into few pieces."""
        return joined(b"," + self[position] for position in positions)

    def length(self, positions: Sequence[int]) -> int:
        """Return the total size of the pieces for these positions, in bytes."""
        return sum(len(self[position]) + 1 for position in positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSnapshot(PublishedSnapshot):
    """The peers at one time, in order of their addresses.

    Attributes:
        texts: the texts.
    """

    texts: PeerTexts

    def positions_of(self, selection: Selection) -> Sequence[int]:
        """Return the positions of the peers that match a selection, in its order.

        They are a tuple if the selection has an order.
        """
        matching = super(PeerSnapshot, self).positions_of(selection)
        if isinstance(selection, PeerSelection) and selection.sort:
            value_of = self._value_of(selection.sort[0])
            return tuple(sorted(matching, key=lambda at: -value_of(at)))  # stable
        return matching

    def page(self, matching: Sequence[int], after: int | None, limit: int) -> PageSlice:
        """Return the first `limit` matching positions after a peer.

        Args:
            matching: the positions, in the list's order.
            after: the number of the last peer of the page before; None: on the first page.
            limit: the maximum number of positions.
        """
        if not isinstance(matching, tuple):  # in order of addresses
            return super(PeerSnapshot, self).page(matching, after, limit)
        start = 0 if after is None else matching.index(bisect_left(self.ids, after)) + 1
        stop = min(start + limit, len(matching))
        last = self.ids[matching[stop - 1]] if stop < len(matching) else None
        return PageSlice(matching[start:stop], last)

    def _value_of(self, sort: PeerSort) -> Callable[[int], float]:
        """Return a function that returns the value by which the peer at a position is sorted."""
        keys, ids, texts = self.index_keys, self.ids, self.texts
        match sort:
            case PeerSort.SA_CONTEXTS:
                return lambda at: indexed(keys[at]).sa_contexts
            case PeerSort.LAST_CHANGE:
                return lambda at: indexed(keys[at]).changed_at
            case PeerSort.BYTES:
                peers = texts.totals.peers
                return lambda at: peers[ids[at]].total if ids[at] in peers else -1
            case PeerSort.FAILURES:
                counts = {
                    peer: sum(each.times for _, each in failures.recent())
                    for peer, failures in (texts.failures or {}).items()
                }
                return lambda at: counts.get(peer_of_number(ids[at]), 0)

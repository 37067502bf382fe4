"""Detecting the byte order of the engine's IPv6 addresses from its SA contexts.

How it is detected: addresses of SAs are compared, in both orders, with addresses whose order is
known. An address that matches in only one order is evidence for that order. Two comparisons are
made:

- A local address is compared with this host's own addresses.
- In transport mode, a local or remote address is compared with the conditions in its SA's filter
  on the local or remote address, respectively. Addresses in conditions are in network order.

Other conditions, and the conditions in tunnel mode, are ignored. They do not restrict the address,
so a peer could choose an address that matches in the wrong order.

The order is decided once enough distinct addresses agree and none disagrees. Until then, the order
in force does not change; the initial order is network order. A new session may be with another
engine, so it needs new evidence; until that is enough, the order of the earlier session stays in
force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from bindings.addresses import Ipv6Order
from bindings.enums import DataType, IpVersion, MatchType, TrafficType
from bindings.host_addresses import host_ipv6_addresses
from bindings.memory import RawTree
from bindings.records import Filter, SaDetails
from bindings.sa_contexts import SaContexts
from bindings.well_known import CONDITION_FIELDS


MIN_AGREEING: Final = 3
"""The number of distinct addresses that must agree."""

MIN_PREFIX_BITS: Final = 32
"""The minimum prefix length of a subnet to compare with; shorter prefixes may match by chance."""

MAX_ADDRESSES: Final = 4096
"""The maximum number of addresses that are kept as evidence; further ones are ignored."""

MAX_EXAMINED: Final = 2000
"""The number of SA contexts after which `examine` stops, at the end of a page."""

MAX_FILTERS: Final = 2000
"""The maximum number of filters compared in a refresh; each takes some microseconds."""

MAX_CONDITIONS: Final = 50
"""The maximum number of conditions examined per filter."""

_TRAFFIC: Final = SaDetails._fields.index("traffic")
_FILTER: Final = SaDetails._fields.index("transport_filter")
_CONDITIONS: Final = Filter._fields.index("conditions")
_V6: Final = int(IpVersion.V6)
_TRANSPORT: Final = int(TrafficType.TRANSPORT)
_EQUAL: Final = int(MatchType.EQUAL)
_BYTES: Final = int(DataType.BYTE_ARRAY16)
_SUBNET: Final = int(DataType.V6_ADDR_MASK)
_LOCAL_FIELDS, _REMOTE_FIELDS = (
    frozenset(
        UUID(guid).bytes_le
        for guid, name in CONDITION_FIELDS.items()
        if name in (f"ip_{end}_address", f"ip_{end}_address_v6")
    )
    for end in ("local", "remote")
)


class Ipv6OrderReason(StrEnum):
    """Why a byte order is in force."""

    SETTING = "setting"
    EVIDENCE = "evidence"
    TOO_LITTLE_EVIDENCE = "too_little_evidence"
    CONTRADICTORY_EVIDENCE = "contradictory_evidence"


class Evidence(NamedTuple):
    """For each order, the number of distinct addresses that match only in this order."""

    network: int = 0
    reversed: int = 0


class Ipv6OrderState(NamedTuple):
    """The byte order in force.

    Attributes:
        order: the byte order.
        reason: why it is in force.
        since: when it came into force for this reason.
        host_addresses: the evidence from comparing with this host's addresses.
        filter_conditions: the evidence from comparing with the conditions of filters.
    """

    order: Ipv6Order
    reason: Ipv6OrderReason
    since: datetime
    host_addresses: Evidence = Evidence()
    filter_conditions: Evidence = Evidence()

    @property
    def is_contradictory(self) -> bool:
        """Whether there is evidence for both orders."""
        return self.reason is Ipv6OrderReason.CONTRADICTORY_EVIDENCE


class Ipv6OrderDetector:
    """Detects the byte order of the engine's IPv6 addresses, unless a fixed order is given.

    Any thread may read `state` and call `order`; the other methods are not thread-safe.

    Attributes:
        state: the order in force, and why.
    """

    def __init__(
        self,
        fixed: Ipv6Order | None = None,
        *,
        own_addresses: Callable[[], Iterable[bytes]] = host_ipv6_addresses,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Create a detector.

        Args:
            fixed: the order to use without detection; None to detect the order.
            own_addresses: returns this host's addresses, packed in network order.
            now: returns the current time, in UTC.
        """
        reason = Ipv6OrderReason.SETTING if fixed else Ipv6OrderReason.TOO_LITTLE_EVIDENCE
        self.state = Ipv6OrderState(fixed or Ipv6Order.NETWORK, reason, now())
        self._own_addresses = own_addresses
        self._now = now
        self._is_settled = fixed is not None
        self._is_fixed = self._is_settled
        self._incarnation: int | None = None
        self._order = self.state.order
        self._local: set[bytes] = set()
        self._by_filter: set[tuple[Ipv6Order, bytes]] = set()
        self._filter_count = 0

    def order(self) -> Ipv6Order:
        """Return the order in force."""
        return self.state.order

    def start(self, incarnation: int, order: Ipv6Order) -> None:
        """Start a refresh.

        Args:
            incarnation: the number of the session (`Engine.incarnation`); a change discards the
                evidence.
            order: the byte order in which the refresh reads addresses.
        """
        self._order = order
        self._filter_count = 0
        if incarnation != self._incarnation:
            self._incarnation = incarnation
            self._is_settled = self._is_fixed
            self._local.clear()
            self._by_filter.clear()

    def observe(self, context: RawTree) -> None:
        """Collect the evidence in a copied SA context, unless the order is decided or fixed."""
        if self._is_settled:
            return
        for details in context[1:]:
            if details is None:
                continue
            version, local, remote, traffic_type = details[_TRAFFIC][:4]
            if version != _V6 or len(self._local) + len(self._by_filter) >= MAX_ADDRESSES:
                continue
            self._local.add(self._order.to_wfp(local))
            filter_ = details[_FILTER]
            if traffic_type != _TRANSPORT or filter_ is None or self._filter_count >= MAX_FILTERS:
                continue
            self._filter_count += 1
            for address, fields in ((local, _LOCAL_FIELDS), (remote, _REMOTE_FIELDS)):
                raw = self._order.to_wfp(address)
                subnets = [*_subnets(filter_, fields)]
                order = _only_match(raw, partial(_is_in_any, subnets))
                if order is not None:
                    self._by_filter.add((order, raw))

    def examine(self, contexts: SaContexts) -> None:
        """Collect the evidence in the first SA contexts of one enumeration, then update `state`.

        `contexts` must read in the order in force.
        """
        if self._is_settled:
            return
        self.start(0, self.order())
        examined = 0
        with closing(contexts.arrays()) as arrays:
            for array in arrays:
                with array:
                    for index in range(len(array)):
                        self.observe(array.read(index))
                    examined += len(array)
                if examined >= MAX_EXAMINED:
                    break
        self.conclude()

    def conclude(self) -> None:
        """Update `state` from the evidence so far; call this at the end of a refresh."""
        if self._is_settled or not self._local:
            return
        own = frozenset(self._own_addresses())
        by_host = {
            (order, raw)
            for raw in self._local
            if (order := _only_match(raw, own.__contains__)) is not None
        }
        evidence, state = _count(by_host | self._by_filter), self.state
        order = state.order
        if all(evidence):
            reason = Ipv6OrderReason.CONTRADICTORY_EVIDENCE
        elif max(evidence) >= MIN_AGREEING:
            reason = Ipv6OrderReason.EVIDENCE
            order = Ipv6Order.NETWORK if evidence.network else Ipv6Order.REVERSED
            self._is_settled = True
        elif state.reason is Ipv6OrderReason.EVIDENCE:
            return  # the order of an earlier session stays in force
        else:
            reason = Ipv6OrderReason.TOO_LITTLE_EVIDENCE
        since = state.since if (order, reason) == (state.order, state.reason) else self._now()
        self.state = Ipv6OrderState(order, reason, since, _count(by_host), _count(self._by_filter))


def _only_match(raw: bytes, matches: Callable[[bytes], bool]) -> Ipv6Order | None:
    """Return the only order in which an address matches; None if it matches in both or neither."""
    network, reversed_ = matches(raw), matches(raw[::-1])
    if network == reversed_:  # also if the bytes are the same in both orders
        return None
    return Ipv6Order.NETWORK if network else Ipv6Order.REVERSED


def _subnets(filter_: RawTree, fields: frozenset[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the IPv6 addresses and subnets that a copied filter requires in the given fields.

    Yield each as a pair: its prefix as a number, and the number of its host bits.
    """
    for field, match_type, (type_, value) in filter_[_CONDITIONS][:MAX_CONDITIONS]:
        if field not in fields or match_type != _EQUAL or value is None:
            continue
        if type_ == _BYTES:
            yield int.from_bytes(value, "big"), 0
        elif type_ == _SUBNET:
            address, bits = value
            if MIN_PREFIX_BITS <= bits <= 128:  # noqa: PLR2004  # bits of an IPv6 address
                yield int.from_bytes(address, "big") >> 128 - bits, 128 - bits


def _is_in_any(subnets: list[tuple[int, int]], address: bytes) -> bool:
    number = int.from_bytes(address, "big")
    return any(number >> host_bits == prefix for prefix, host_bits in subnets)


def _count(addresses: Iterable[tuple[Ipv6Order, bytes]]) -> Evidence:
    found = [order for order, _ in addresses]
    return Evidence(found.count(Ipv6Order.NETWORK), found.count(Ipv6Order.REVERSED))

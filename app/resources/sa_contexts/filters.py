"""Filters of SA contexts, evaluated on index keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from operator import call
from typing import Any, ClassVar, Final

from app.repository.query.filters import (
    Address,
    Key,
    Selection,
    Subnet,
    filter_field,
    is_on_any,
    range_of,
)
from app.repository.query.interner import InternedCondition
from app.resources.sa_contexts.index import PORT_BYTES, RECORD_BYTES, SPI_BYTES, unpacker
from app.resources.sa_contexts.suites import SUITES
from app.resources.wfp.indexed_names import NameKind, name_condition
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    KeyModule,
    PfsGroup,
    TrafficType,
    TransformType,
    WeaknessFilter,
)


Condition = Callable[[Any], bool]
"""Returns whether a field of a record meets a filter."""


FIELDS_OF_SUITES: Final = (
    "ip_version",
    "traffic_type",
    "transform_type",
    "cipher",
    "integrity",
    "pfs_group",
    "key_module",
    "weakness",
)
"""The filters on suites. Each is compared with the suite's field of the same name."""


@dataclass(frozen=True)
class SaContextSelection(Selection):
    """Filters on SA contexts. A context matches if one of its SAs meets all of them."""

    LIST: ClassVar[str] = "sa-contexts"

    local_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    remote_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    local_address: tuple[Address, ...] = filter_field(ip_address)
    remote_address: tuple[Address, ...] = filter_field(ip_address)
    ip_version: tuple[IpVersion, ...] = filter_field(IpVersion)
    traffic_type: tuple[TrafficType, ...] = filter_field(TrafficType)
    transform_type: tuple[TransformType, ...] = filter_field(TransformType)
    cipher: tuple[Cipher, ...] = filter_field(Cipher)
    integrity: tuple[Integrity, ...] = filter_field(Integrity)
    pfs_group: tuple[PfsGroup, ...] = filter_field(PfsGroup)
    key_module: tuple[KeyModule, ...] = filter_field(KeyModule)
    weakness: tuple[WeaknessFilter, ...] = filter_field(WeaknessFilter)
    principal_name: tuple[str, ...] = filter_field(str)
    rule_name: tuple[str, ...] = filter_field(str)
    mm_sa_id: tuple[int, ...] = filter_field(int)
    qm_filter_id: tuple[int, ...] = filter_field(int)
    spi: tuple[int, ...] = filter_field(int)
    udp_port: tuple[int, ...] = filter_field(int)

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the selection."""
        if self.matches_all:
            return lambda _key: True
        names = {NameKind.PRINCIPAL: self.principal_name, NameKind.RULE: self.rule_name}
        compares_names, has_names = any(names.values()), name_condition(names)
        fields = dict(self._conditions()) or {"names_start": _is_true}
        unpack = unpacker(*fields, *(("names_start", "names_end") if compares_names else ()))
        first, *others = fields.values()

        def matches(key: Key) -> bool:
            for values in unpack(key[: key[-1] * RECORD_BYTES]):
                if (
                    first(values[0])
                    and (not others or all(map(call, others, values[1:])))
                    and (not compares_names or has_names(key[values[-2] : values[-1]]))
                ):
                    return True
            return False

        return matches

    def _conditions(self) -> Iterator[tuple[str, Condition]]:
        """Yield the fields of a record that filters compare, in its order, and their conditions."""
        selection = self
        if WeaknessFilter.ANY in self.weakness:
            selection = replace(self, weakness=tuple(WeaknessFilter))
        if any(getattr(self, name) for name in FIELDS_OF_SUITES):
            yield "suite", InternedCondition(SUITES, selection, FIELDS_OF_SUITES).__getitem__
        if self.local_address or self.local_subnet:
            yield "local", _is_at(self.local_address, self.local_subnet)
        if self.remote_address or self.remote_subnet:
            yield "remote", _is_at(self.remote_address, self.remote_subnet)
        if self.mm_sa_id:
            yield "mm_sa_id", frozenset(self.mm_sa_id).__contains__
        if self.qm_filter_id:
            yield (
                "qm_filter_id",
                frozenset(id_.to_bytes(8) for id_ in self.qm_filter_id).__contains__,
            )
        if self.udp_port:
            yield "udp_ports", _has_any(self.udp_port, PORT_BYTES)
        if self.spi:
            yield "spis", _has_any(self.spi, SPI_BYTES)


def _is_true(_: Any) -> bool:
    return True


def _is_at(addresses: Collection[Address], subnets: Collection[Subnet]) -> Condition:
    packed, ranges = frozenset(address.packed for address in addresses), [*map(range_of, subnets)]
    if not ranges:
        return packed.__contains__
    return lambda address: (not packed or address in packed) and is_on_any(address, ranges)


def _has_any(numbers: Collection[int], size: int) -> Condition:
    """Return the condition that one of at most two packed numbers is among the given ones."""
    wanted = frozenset(number.to_bytes(size) for number in numbers)
    return lambda packed: packed[:size] in wanted or packed[size:] in wanted

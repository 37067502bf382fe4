"""Filters of SA contexts, evaluated on index keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import ClassVar, Final

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
from app.resources.sa_contexts.index import unpack_records
from app.resources.sa_contexts.suites import SUITES
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    PfsGroup,
    TrafficType,
    TransformType,
    Weakness,
)


FIELDS_OF_SUITES: Final = (
    "ip_version",
    "traffic_type",
    "transform_type",
    "cipher",
    "integrity",
    "pfs_group",
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
    weakness: tuple[Weakness, ...] = filter_field(Weakness)
    mm_sa_id: tuple[int, ...] = filter_field(int)
    qm_filter_id: tuple[int, ...] = filter_field(int)
    spi: tuple[int, ...] = filter_field(int)

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the selection."""
        if self.matches_all:
            return lambda _key: True
        suites = InternedCondition(SUITES, self, FIELDS_OF_SUITES)
        local_ranges = [*map(range_of, self.local_subnet)]
        remote_ranges = [*map(range_of, self.remote_subnet)]
        local_addresses = {address.packed for address in self.local_address}
        remote_addresses = {address.packed for address in self.remote_address}
        mm_sa_ids, qm_filter_ids, spis = map(
            frozenset, (self.mm_sa_id, self.qm_filter_id, self.spi)
        )

        def matches(key: Key) -> bool:
            for (
                suite,
                local_length,
                local,
                remote_length,
                remote,
                mm_sa_id,
                has_qm_filter_id,
                qm_filter_id,
                spi_count,
                first_spi,
                second_spi,
            ) in unpack_records(key):
                if (
                    suites[suite]
                    and (not mm_sa_ids or mm_sa_id in mm_sa_ids)
                    and (not qm_filter_ids or (has_qm_filter_id and qm_filter_id in qm_filter_ids))
                    and (not spis or not spis.isdisjoint((first_spi, second_spi)[:spi_count]))
                    and (not local_addresses or local[:local_length] in local_addresses)
                    and (not remote_addresses or remote[:remote_length] in remote_addresses)
                    and (not local_ranges or is_on_any(local_length, local, local_ranges))
                    and (not remote_ranges or is_on_any(remote_length, remote, remote_ranges))
                ):
                    return True
            return False

        return matches

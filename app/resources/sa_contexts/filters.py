"""Which SA contexts a list shows."""

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
"""The fields that are compared with what a suite has under the same name."""


@dataclass(frozen=True)
class SaContextSelection(Selection):
    """What a context must meet: one of its SAs, all that is asked for."""

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
        """A function that tells whether a context with a key meets the selection."""
        if self.matches_all:
            return lambda _key: True
        suites = _SuiteCondition(self)
        local = [*map(range_of, self.local_subnet)]
        remote = [*map(range_of, self.remote_subnet)]
        local_is = {address.packed for address in self.local_address}
        remote_is = {address.packed for address in self.remote_address}
        mm_sa_ids, qm_filter_ids, spis = map(
            frozenset, (self.mm_sa_id, self.qm_filter_id, self.spi)
        )

        def matches(key: Key) -> bool:
            for (
                suite,
                local_length,
                local_address,
                remote_length,
                remote_address,
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
                    and (not local_is or local_address[:local_length] in local_is)
                    and (not remote_is or remote_address[:remote_length] in remote_is)
                    and (not local or is_on_any(local_length, local_address, local))
                    and (not remote or is_on_any(remote_length, remote_address, remote))
                ):
                    return True
            return False

        return matches


class _SuiteCondition(dict[int, bool]):
    """For the number of each suite that was asked about: whether it meets the selection."""

    def __init__(self, selection: SaContextSelection) -> None:
        super().__init__()
        self._wanted = [
            (name, frozenset(values))
            for name in FIELDS_OF_SUITES
            if (values := getattr(selection, name))
        ]

    def __missing__(self, number: int) -> bool:
        suite = SUITES[number]
        met = self[number] = all(
            not wanted.isdisjoint(getattr(suite, name)) for name, wanted in self._wanted
        )
        return met

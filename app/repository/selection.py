"""Which contexts a list shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, Final

from app.encoding.suites import SUITES
from app.repository.keys import Key, unpack_records
from app.schemas.names import (
    Cipher,
    Integrity,
    IpVersion,
    PfsGroup,
    TrafficType,
    TransformType,
    Weakness,
)


Subnet = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def _wanted(parse: Callable[[str], Any]) -> Any:
    """Values of which one must be met, or none where all will do; `parse` takes their text."""
    return field(default=(), metadata={"parse": parse})


@dataclass(frozen=True)
class Selection:
    """What a context must meet: one of its SAs, all that is asked for.

    Several values of one kind mean any of them. The fields are called as the
    parameters of a list, and their values are in one order however they were
    given.
    """

    local_subnet: tuple[Subnet, ...] = _wanted(ip_network)
    remote_subnet: tuple[Subnet, ...] = _wanted(ip_network)
    local_address: tuple[Address, ...] = _wanted(ip_address)
    remote_address: tuple[Address, ...] = _wanted(ip_address)
    ip_version: tuple[IpVersion, ...] = _wanted(IpVersion)
    traffic_type: tuple[TrafficType, ...] = _wanted(TrafficType)
    transform_type: tuple[TransformType, ...] = _wanted(TransformType)
    cipher: tuple[Cipher, ...] = _wanted(Cipher)
    integrity: tuple[Integrity, ...] = _wanted(Integrity)
    pfs_group: tuple[PfsGroup, ...] = _wanted(PfsGroup)
    weakness: tuple[Weakness, ...] = _wanted(Weakness)
    mm_sa_id: tuple[int, ...] = _wanted(int)
    qm_filter_id: tuple[int, ...] = _wanted(int)
    spi: tuple[int, ...] = _wanted(int)

    @classmethod
    def of(cls, values: Mapping[str, Sequence[Any]]) -> Selection:
        """The selection of these values, by the names of the fields."""
        return cls(**{name: tuple(sorted(set(some), key=str)) for name, some in values.items()})

    @classmethod
    def parse(cls, texts: Mapping[str, Sequence[str]]) -> Selection:
        """The selection whose values have these texts.

        Raises:
            ValueError: there is no such field, or a text is no value of it.
        """
        try:
            return cls.of(
                {name: [_PARSERS[name](text) for text in some] for name, some in texts.items()}
            )
        except KeyError as error:
            raise ValueError(f"there is no field {error}") from None

    def texts(self) -> dict[str, list[str]]:
        """The text of each value, of the fields that have any."""
        return {
            name: [str(value) for value in values]
            for name in FIELDS
            if (values := getattr(self, name))
        }

    def matcher(self) -> Callable[[Key], bool]:
        """A function that tells whether a context with a key meets the selection."""
        if self == EVERYTHING:
            return lambda _key: True
        suites = _SuiteCondition(self)
        local = [*map(_range, self.local_subnet)]
        remote = [*map(_range, self.remote_subnet)]
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
                    and (not local or _is_on(local_length, local_address, local))
                    and (not remote or _is_on(remote_length, remote_address, remote))
                ):
                    return True
            return False

        return matches


FIELDS: Final = tuple(field.name for field in fields(Selection))
_PARSERS: Final = {field.name: field.metadata["parse"] for field in fields(Selection)}
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

EVERYTHING: Final = Selection()


class _SuiteCondition(dict[int, bool]):
    """For the number of each suite that was asked about: whether it meets the selection."""

    def __init__(self, selection: Selection) -> None:
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


def _range(subnet: Subnet) -> tuple[int, bytes, bytes]:
    """The length of a packed address on the subnet, the lowest and the highest."""
    lowest, highest = subnet.network_address.packed, subnet.broadcast_address.packed
    return len(lowest), lowest.ljust(16, b"\0"), highest.ljust(16, b"\0")


def _is_on(length: int, address: bytes, ranges: list[tuple[int, bytes, bytes]]) -> bool:
    return any(
        length == wanted and lowest <= address <= highest for wanted, lowest, highest in ranges
    )

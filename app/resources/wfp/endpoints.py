"""Index keys and filters of objects with two endpoints: main mode SAs and connections.

A host has many objects but few protections (combinations of cipher, integrity and so on),
so each protection is interned and an index key contains its number only.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from struct import Struct
from typing import Final

from app.repository.query.filters import (
    Address,
    Key,
    Selection,
    Subnet,
    filter_field,
    is_on_any,
    range_of,
)
from app.repository.query.interner import Interner


_KEY: Final = Struct("<IB16sB16s")
_ADDRESS_FIELDS: Final = frozenset(
    ("local_subnet", "remote_subnet", "local_address", "remote_address")
)


def key_of_ends(protection: int, local: bytes | None, remote: bytes | None) -> Key:
    """Pack an index key from the number of a protection and two packed addresses."""
    local, remote = local or b"", remote or b""
    return _KEY.pack(protection, len(local), local, len(remote), remote)


@dataclass(frozen=True)
class EndpointSelection(Selection):
    """Filters on the two endpoints of an object and on its protection.

    Each field that a subclass adds is compared with the field of that name in the protection.
    """

    local_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    remote_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    local_address: tuple[Address, ...] = filter_field(ip_address)
    remote_address: tuple[Address, ...] = filter_field(ip_address)

    @classmethod
    @abstractmethod
    def protections(cls) -> Interner[Hashable]:
        """Return the interner that the numbers in the index keys refer to."""

    def matcher(self) -> Callable[[Key], bool]:
        """Return a predicate that takes an index key."""
        protections = _ProtectionCondition(self)
        local_ranges = [*map(range_of, self.local_subnet)]
        remote_ranges = [*map(range_of, self.remote_subnet)]
        local_addresses = {address.packed for address in self.local_address}
        remote_addresses = {address.packed for address in self.remote_address}

        def matches(key: Key) -> bool:
            protection, local_length, local, remote_length, remote = _KEY.unpack(key)
            return (
                protections[protection]
                and (not local_addresses or local[:local_length] in local_addresses)
                and (not remote_addresses or remote[:remote_length] in remote_addresses)
                and (not local_ranges or is_on_any(local_length, local, local_ranges))
                and (not remote_ranges or is_on_any(remote_length, remote, remote_ranges))
            )

        return matches


class _ProtectionCondition(dict[int, bool]):
    """Whether a protection meets the selection, by its number; evaluated on first use."""

    def __init__(self, selection: EndpointSelection) -> None:
        super().__init__()
        self._protections = selection.protections()
        self._filters = [
            (name, frozenset(values))
            for name in selection.names()
            if name not in _ADDRESS_FIELDS and (values := getattr(selection, name))
        ]

    def __missing__(self, number: int) -> bool:
        protection = self._protections[number]
        is_met = self[number] = all(
            not values.isdisjoint(getattr(protection, name)) for name, values in self._filters
        )
        return is_met

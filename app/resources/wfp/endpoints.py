"""Keys and selections of what has two ends and is protected in one way: IKE's SAs, connections.

There are few ways of protection on a host and many objects, so each way, in
public names, is kept once and has a number.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from struct import Struct
from threading import Lock
from typing import Final, Generic, TypeVar

from app.repository.query.filters import (
    Address,
    Key,
    Selection,
    Subnet,
    filter_field,
    is_on_any,
    range_of,
)


W = TypeVar("W", bound=Hashable)

_KEY: Final = Struct("<IB16sB16s")
_ADDRESS_FIELDS: Final = frozenset(
    ("local_subnet", "remote_subnet", "local_address", "remote_address")
)


class Interner(Generic[W]):
    """Each way of protection that was met, at its number. There are as many as names combine."""

    def __init__(self) -> None:
        self._ways: list[W] = []
        self._numbers: dict[W, int] = {}
        self._one_at_a_time = Lock()

    def __getitem__(self, number: int) -> W:
        return self._ways[number]

    def number(self, way: W) -> int:
        """The number of a way."""
        number = self._numbers.get(way)
        if number is None:
            with self._one_at_a_time:
                number = self._numbers.get(way)
                if number is None:
                    number = len(self._ways)
                    self._ways.append(way)
                    self._numbers[way] = number
        return number


def key_of_ends(way: int, local: bytes | None, remote: bytes | None) -> Key:
    """The key of what is protected in the way of a number, between two packed addresses."""
    local, remote = local or b"", remote or b""
    return _KEY.pack(way, len(local), local, len(remote), remote)


@dataclass(frozen=True)
class EndpointSelection(Selection):
    """What an object must meet: at its two ends, and in how it is protected.

    The other fields of a subclass are compared with the words that a way of
    protection has under the same name.
    """

    local_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    remote_subnet: tuple[Subnet, ...] = filter_field(ip_network)
    local_address: tuple[Address, ...] = filter_field(ip_address)
    remote_address: tuple[Address, ...] = filter_field(ip_address)

    @classmethod
    @abstractmethod
    def protections(cls) -> Interner[Hashable]:
        """Where the numbers in keys lead."""

    def matcher(self) -> Callable[[Key], bool]:
        """A function that tells whether an object with a key meets the selection."""
        ways = _ProtectionCondition(self)
        local = [*map(range_of, self.local_subnet)]
        remote = [*map(range_of, self.remote_subnet)]
        local_is = {address.packed for address in self.local_address}
        remote_is = {address.packed for address in self.remote_address}

        def matches(key: Key) -> bool:
            way, local_length, local_address, remote_length, remote_address = _KEY.unpack(key)
            return (
                ways[way]
                and (not local_is or local_address[:local_length] in local_is)
                and (not remote_is or remote_address[:remote_length] in remote_is)
                and (not local or is_on_any(local_length, local_address, local))
                and (not remote or is_on_any(remote_length, remote_address, remote))
            )

        return matches


class _ProtectionCondition(dict[int, bool]):
    """For the number of each way that was asked about: whether it meets the selection."""

    def __init__(self, selection: EndpointSelection) -> None:
        super().__init__()
        self._ways = selection.protections()
        self._wanted = [
            (name, frozenset(values))
            for name in selection.names()
            if name not in _ADDRESS_FIELDS and (values := getattr(selection, name))
        ]

    def __missing__(self, number: int) -> bool:
        way = self._ways[number]
        met = self[number] = all(
            not wanted.isdisjoint(getattr(way, name)) for name, wanted in self._wanted
        )
        return met

"""Selections: which objects of a kind a list shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, ClassVar, Self


Subnet = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

Key = bytes
"""What filters compare of one object, packed; only its kind knows how."""

AddressRange = tuple[int, bytes, bytes]
"""The length of a packed address on a subnet, the lowest and the highest, filled up with zeros."""


def filter_field(parse: Callable[[str], Any]) -> Any:
    """Values of which one must be met, or none where all will do; `parse` takes their text."""
    return field(default=(), metadata={"parse": parse})


@dataclass(frozen=True)
class Selection(ABC):
    """What an object must meet: all that is asked for.

    Several values of one kind mean any of them. The fields are called as the
    parameters of a list, and their values are in one order however they were
    given.

    Attributes:
        LIST: the list that they are parameters of, as its path has it.
    """

    LIST: ClassVar[str]

    @abstractmethod
    def matcher(self) -> Callable[[Key], bool]:
        """A function that tells whether an object with a key meets the selection."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple([field.name for field in fields(cls)])

    @classmethod
    def of(cls, values: Mapping[str, Sequence[Any]]) -> Self:
        """The selection of these values, by the names of the fields."""
        return cls(**{name: tuple(sorted(set(some), key=str)) for name, some in values.items()})

    @classmethod
    def parse(cls, texts: Mapping[str, Sequence[str]]) -> Self:
        """The selection whose values have these texts.

        Raises:
            ValueError: there is no such field, or a text is no value of it.
        """
        parsers = {field.name: field.metadata["parse"] for field in fields(cls)}
        if unknown := texts.keys() - parsers.keys():
            raise ValueError(f"there are no fields {unknown}")
        return cls.of(
            {name: [parsers[name](text) for text in some] for name, some in texts.items()}
        )

    def texts(self) -> dict[str, list[str]]:
        """The text of each value, of the fields that have any."""
        return {
            name: [str(value) for value in values]
            for name in self.names()
            if (values := getattr(self, name))
        }

    @property
    def matches_all(self) -> bool:
        """Whether nothing is asked for, so that every object will do."""
        return not any(vars(self).values())


def range_of(subnet: Subnet) -> AddressRange:
    """The addresses on a subnet."""
    lowest, highest = subnet.network_address.packed, subnet.broadcast_address.packed
    return len(lowest), lowest.ljust(16, b"\0"), highest.ljust(16, b"\0")


def is_on_any(length: int, address: bytes, ranges: Sequence[AddressRange]) -> bool:
    """Whether an address, packed and filled up with zeros, is in one of the ranges."""
    return any(
        length == wanted and lowest <= address <= highest for wanted, lowest, highest in ranges
    )

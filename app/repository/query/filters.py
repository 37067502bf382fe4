"""Selections: the filters of a list, and how objects match them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, ClassVar, Self


Subnet = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

Key = bytes
"""The index key of an object: the values that filters compare, packed as its kind defines."""

AddressRange = tuple[bytes, bytes]
"""A subnet: its lowest and its highest address, packed in network order."""


def filter_field(parse: Callable[[str], Any]) -> Any:
    """Declare a filter that matches any of its values; `parse` converts a text into a value."""
    return field(default=(), metadata={"parse": parse})


@dataclass(frozen=True)
class Selection(ABC):
    """The filters of one list: an object must match one value of each field that has values.

    The fields are named after the list's query parameters. Their values are sorted, so
    that equal selections compare equal.

    Attributes:
        LIST: the name of the list, as in its path.
    """

    LIST: ClassVar[str]

    @abstractmethod
    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that tests whether an index key matches the selection."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple([field.name for field in fields(cls)])

    @classmethod
    def of(cls, values: Mapping[str, Sequence[Any]]) -> Self:
        """Return the selection with these values, given by field name."""
        return cls(**{name: tuple(sorted(set(given), key=str)) for name, given in values.items()})

    @classmethod
    def parse(cls, texts: Mapping[str, Sequence[str]]) -> Self:
        """Return the selection with these values, given as text by field name.

        Raises:
            ValueError: a field is unknown, or a text is invalid for its field.
        """
        parsers = {field.name: field.metadata["parse"] for field in fields(cls)}
        if unknown := texts.keys() - parsers.keys():
            raise ValueError(f"there are no fields {unknown}")
        return cls.of(
            {name: [parsers[name](text) for text in given] for name, given in texts.items()}
        )

    def texts(self) -> dict[str, list[str]]:
        """Return the values as text, by field name; fields without values are omitted."""
        return {
            name: [str(value) for value in values]
            for name in self.names()
            if (values := getattr(self, name))
        }

    @property
    def matches_all(self) -> bool:
        """Whether there are no filters, so that every object matches."""
        return not any(vars(self).values())


def range_of(subnet: Subnet) -> AddressRange:
    """Return the range of a subnet's addresses."""
    return subnet.network_address.packed, subnet.broadcast_address.packed


def is_on_any(address: bytes, ranges: Sequence[AddressRange]) -> bool:
    """Return whether a packed address is in one of the ranges."""
    return any(
        len(address) == len(lowest) and lowest <= address <= highest for lowest, highest in ranges
    )

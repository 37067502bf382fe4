"""Other addresses and names in place of a report's own, so that it can be shown to others.

The same is replaced by the same throughout a report, and by something else in
the next: the key is drawn anew and kept nowhere. Two addresses have as many
leading bits in common as their replacements have (the way of Crypto-PAn: each
bit is flipped or not, by what stands before it), so subnets can still be told.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final


_SPOKEN: Final = re.compile(r"[0-9a-fA-F:.]{2,}")
"""What may hold an address, and what stands right beside it: a port, the end of a sentence."""

SHORTEST: Final = 2
"""A name of one letter would be found in every word."""


class Mask:
    """Replaces addresses, and the names that it is told of."""

    def __init__(self, names: Iterable[str]) -> None:
        self._key = secrets.token_bytes(16)
        self._replaced = cache(self._replacement)
        wanted = sorted(
            {
                name.lower()
                for name in names
                if len(name) >= SHORTEST and not _is_address(name) and name.lower() != "localhost"
            }
        )
        self._names = {name: f"name-{number}" for number, name in enumerate(wanted, 1)}
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = (
            re.compile(
                rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE
            )
            if longest_first
            else None
        )

    def text(self, text: str) -> str:
        """The text with others' addresses and names."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._names[found[0].lower()], text)
        return _SPOKEN.sub(lambda found: self._without_addresses(found[0]), text)

    def value(self, value: Any) -> Any:
        """The same of a value of JSON; keys are the report's own words."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(each) for each in value]
            case dict():
                return {name: self.value(each) for name, each in value.items()}
            case _:
                return value

    def _without_addresses(self, text: str) -> str:
        """The text with the first and longest address replaced, and the same of what follows it."""
        bounds = [place for place in range(len(text) + 1) if not _is_amid_a_number(text, place)]
        for start in bounds:
            for end in reversed(bounds):
                if end > start and _is_address(text[start:end]):
                    rest = self._without_addresses(text[end:])
                    return text[:start] + self._replaced(text[start:end]) + rest
        return text

    def _replacement(self, text: str) -> str:
        address = ip_address(text)
        # These say nothing of a host, and much of a setting.
        if address.is_loopback or address.is_unspecified:
            return text
        return str(self._masked(address))

    def _masked(self, address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
        bits, number = address.max_prefixlen, int(address)
        flipped = 0
        for position in range(bits):
            prefix = number >> (bits - position)
            before = f"{bits}/{position}/{prefix}".encode()
            flip = blake2b(before, key=self._key, digest_size=1).digest()[0] & 1
            flipped = flipped << 1 | flip
        return type(address)(number ^ flipped)


def _is_amid_a_number(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

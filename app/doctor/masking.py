"""Masking of addresses and names in a report or a capture, so that it can be shared.

How masking works: equal values have equal replacements, even if one is in a report and the other in
the capture that includes the report. Names are numbered. Addresses are masked as in Crypto-PAn: a
keyed function of the preceding bits decides whether a bit is flipped. Two replacements therefore
share as many leading bits as the originals, so subnets remain recognizable. The key is random for
each run and is not stored.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b, shake_256
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final


_SPOKEN: Final = re.compile(r"[0-9a-fA-F:.]{2,}")
"""Text that may contain an address, with adjacent characters such as a port or a full stop."""

MIN_NAME: Final = 2
"""Minimum length of a masked name; a single letter would match too often."""


class Mask:
    """Replaces the names given to it, and all addresses but loopback and unspecified ones."""

    def __init__(self, names: Iterable[str]) -> None:
        self._key = secrets.token_bytes(16)
        self._replaced = cache(self._replacement)
        self._replaced_address = cache(self._masked)
        masked = sorted(
            {
                name.lower()
                for name in names
                if len(name) >= MIN_NAME and not _is_address(name) and name.lower() != "localhost"
            }
        )
        self._names = {name: f"name-{number}" for number, name in enumerate(masked, 1)}
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = (
            re.compile(
                rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE
            )
            if longest_first
            else None
        )

    def text(self, text: str) -> str:
        """Mask a text."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._names[found[0].lower()], text)
        return _SPOKEN.sub(lambda found: self._without_addresses(found[0]), text)

    def name(self, text: str) -> str:
        """Return the replacement of a name, even if the mask was not created with this name.

        An empty name stays empty.
        """
        return self._names.setdefault(text.lower(), f"name-{len(self._names) + 1}") if text else ""

    def address(self, address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
        """Return the replacement of an address; loopback and unspecified addresses are kept."""
        # Neither kind identifies a host, but both matter in settings such as `host`.
        if address.is_loopback or address.is_unspecified:
            return address
        return self._replaced_address(address)

    def digest(self, content: bytes, size: int) -> bytes:
        """Return a keyed digest of `size` bytes as the replacement of the content."""
        return shake_256(self._key + content).digest(size)

    def value(self, value: Any) -> Any:
        """Mask the strings in a JSON value, except the names of members."""
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
        """Replace all addresses in a text: from the left, the longest at each position."""
        bounds = [index for index in range(len(text) + 1) if not _is_inside_number(text, index)]
        for start in bounds:
            for end in reversed(bounds):
                if end > start and _is_address(text[start:end]):
                    rest = self._without_addresses(text[end:])
                    return text[:start] + self._replaced(text[start:end]) + rest
        return text

    def _replacement(self, text: str) -> str:
        address = ip_address(text)
        replaced = self.address(address)
        return text if replaced == address else str(replaced)

    def _masked(self, address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
        bits, number = address.max_prefixlen, int(address)
        flipped = 0
        for position in range(bits):
            prefix = number >> (bits - position)
            preceding = f"{bits}/{position}/{prefix}".encode()
            flip = blake2b(preceding, key=self._key, digest_size=1).digest()[0] & 1
            flipped = flipped << 1 | flip
        return type(address)(number ^ flipped)


def _is_inside_number(text: str, index: int) -> bool:
    return 0 < index < len(text) and text[index - 1].isalnum() and text[index].isalnum()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

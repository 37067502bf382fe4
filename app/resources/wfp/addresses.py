"""Addresses and subnets as text (RFC 5952 for IPv6)."""

from __future__ import annotations

from functools import lru_cache
from socket import inet_ntoa
from typing import Final

from bindings.records import V4AddressAndMask, V6AddressAndMask


IPV4_BYTES = 4

_BEFORE_IPV4: Final = 12
"""Offset of an embedded IPv4 address in an IPv6 address."""

_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96
_COMPATIBLE: Final = bytes(12)  # ::/96
_ZEROS: Final = tuple(":" + "0:" * count for count in range(8, 1, -1))


@lru_cache(maxsize=65536)
def address_text(packed: bytes | None) -> str | None:
    """Return the text of an address packed in network order (4 or 16 bytes)."""
    if packed is None:
        return None
    return inet_ntoa(packed) if len(packed) == IPV4_BYTES else _ipv6_text(packed)


def _ipv6_text(packed: bytes) -> str:
    """Return the RFC 5952 text of an IPv6 address.

    The text is identical on all platforms, unlike that of inet_ntop, which differs between
    hosts, and of `ipaddress`, which differs between Python versions. As in glibc, IPv4-mapped
    addresses end in dotted decimal. IPv4-compatible addresses do, too, unless their IPv4 part
    begins with two zero bytes: `::1` stays `::1`.
    """
    prefix, last = packed[:_BEFORE_IPV4], packed[_BEFORE_IPV4:]
    if prefix == _MAPPED:
        return f"::ffff:{inet_ntoa(last)}"
    if prefix == _COMPATIBLE and any(last[:2]):
        return f"::{inet_ntoa(last)}"
    words = f":{packed.hex(':', 2)}:"
    for _leading_zero in range(3):
        words = words.replace(":0", ":")
    for zeros in _ZEROS:  # the longest run; of equally long runs, the first (RFC 5952 §4.2.3)
        if zeros in words:
            before, _, after = words.partition(zeros)
            return f"{before[1:]}::{after[:-1]}"
    return words[1:-1]


def subnet_text(subnet: V4AddressAndMask | V6AddressAndMask) -> str:
    """Return `address/prefix`, or `address/mask` for an IPv4 mask that is not contiguous."""
    address = address_text(subnet.address)
    if isinstance(subnet, V6AddressAndMask):
        return f"{address}/{subnet.prefix_length}"
    mask = int.from_bytes(subnet.mask, "big")
    prefix = mask.bit_count()
    if mask == (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF:
        return f"{address}/{prefix}"
    return f"{address}/{address_text(subnet.mask)}"

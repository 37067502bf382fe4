"""Addresses and subnets as text (RFC 5952 for IPv6)."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop

from bindings.records import V4AddressAndMask, V6AddressAndMask


IPV4_BYTES = 4


@lru_cache(maxsize=65536)
def address_text(packed: bytes | None) -> str | None:
    """The text of an address packed in network order, 4 or 16 bytes."""
    if packed is None:
        return None
    return inet_ntop(AF_INET if len(packed) == IPV4_BYTES else AF_INET6, packed)


def subnet_text(subnet: V4AddressAndMask | V6AddressAndMask) -> str:
    """`address/prefix`, or `address/mask` where an IPv4 mask has holes."""
    address = address_text(subnet.address)
    if isinstance(subnet, V6AddressAndMask):
        return f"{address}/{subnet.prefix_length}"
    mask = int.from_bytes(subnet.mask, "big")
    prefix = mask.bit_count()
    if mask == (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF:
        return f"{address}/{prefix}"
    return f"{address}/{address_text(subnet.mask)}"

"""Client networks, each of which counts as one client for limits, and loopback addresses."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final


PREFIX_BITS: Final = 64
"""Prefix length within which one IPv6 host may use any address (RFC 4291, 2.5.4; RFC 8981)."""


def client_network(address: str) -> str:
    """Return an IPv4 or IPv4-mapped address as IPv4, an IPv6 address as its /64 network."""
    return _network(address) if ":" in address else address


@lru_cache(1024)
def _network(address: str) -> str:
    parsed = IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed.is_loopback:
        return str(parsed)
    bits = int(parsed) >> PREFIX_BITS << PREFIX_BITS
    return f"{IPv6Address(bits)}/{PREFIX_BITS}"


@lru_cache(1024)
def is_loopback(address: str) -> bool:
    """Return whether only this host reaches an address (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).

    Args:
        address: from a socket, a URL (without brackets) or `client_network`. A name or a network
            is not loopback.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback

"""Client networks and loopback addresses. For limits, a client network counts as one client."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final


PREFIX_BITS: Final = 64
"""Prefix length of an IPv6 client network: a host may use any address in its /64 subnet.

See RFC 4291, 2.5.4, and RFC 8981.
"""


def client_network(address: str) -> str:
    """Return the client network of an address.

    It is the address itself for IPv4 and for IPv6 loopback, the IPv4 address for an IPv4-mapped
    one, and the /64 network for other IPv6 addresses.
    """
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
    """Return whether an address is loopback (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).

    Args:
        address: the address, without brackets. For a name or a network, the result is false.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback

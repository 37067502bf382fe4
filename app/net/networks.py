"""Which addresses are one client's, as far as limits go."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final


PREFIX_BITS: Final = 64
"""Of an IPv6 network, within which one host may take any address (RFC 4291, 2.5.4; RFC 8981)."""


def client_network(address: str) -> str:
    """An IPv4 address itself, however it is written; for an IPv6 address its network."""
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


def is_loopback(network: str) -> bool:
    """Whether that is a loopback address (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3)."""
    return network.startswith("127.") or network == "::1"

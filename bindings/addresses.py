"""Conversion between addresses in C memory and packed bytes in network order.

IPv4 addresses are UINT32 in host order (fwptypes.h). The byte order of IPv6
addresses in IPSEC_TRAFFIC is undocumented. Most programs copy the 16 bytes
unchanged, but strongSwan's kernel-wfp plugin reverses them when it installs an SA.
`Ipv6Order` converts both orders; `bindings.ipv6_order` detects the engine's order.
"""

from __future__ import annotations

from enum import Enum


class Ipv6Order(Enum):
    """The byte order of IPv6 addresses in SAs, connections, net events and templates."""

    NETWORK = "network"
    REVERSED = "reversed"

    def from_wfp(self, raw: bytes) -> bytes:
        """Convert 16 bytes in this order to network order."""
        return raw if self is Ipv6Order.NETWORK else raw[::-1]

    def to_wfp(self, packed: bytes) -> bytes:
        """Convert 16 bytes in network order to this order."""
        return packed if self is Ipv6Order.NETWORK else packed[::-1]


def ipv4_from_wfp(raw: bytes) -> bytes:
    """Convert the first 4 bytes of `raw`, a little-endian UINT32, to network order."""
    return raw[3::-1]

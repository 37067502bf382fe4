"""Conversion between addresses in C memory and packed bytes in network order.

IPv4 addresses are UINT32 in host order (fwptypes.h). The byte order of IPv6
addresses in IPSEC_TRAFFIC is undocumented: most programs copy the 16 bytes
unchanged; strongSwan's kernel-wfp plugin reverses them when it installs an SA.
`Ipv6Order` supports both; `bindings.ipv6_order` detects which it is.
"""

from __future__ import annotations

from enum import Enum


class Ipv6Order(Enum):
    """The byte order of IPv6 addresses in SAs, connections, net events and templates."""

    NETWORK = "network"
    REVERSED = "reversed"

    def from_wfp(self, raw: bytes) -> bytes:
        """Convert the 16 bytes in memory to network order."""
        return raw if self is Ipv6Order.NETWORK else raw[::-1]

    def to_wfp(self, packed: bytes) -> bytes:
        """Convert 16 bytes in network order to the order in memory."""
        return packed if self is Ipv6Order.NETWORK else packed[::-1]


def ipv4_from_wfp(raw: bytes) -> bytes:
    """Convert the 4 bytes of a little-endian UINT32 to network order."""
    return raw[3::-1]

"""Addresses between C memory and packed bytes in network order.

IPv4 addresses are UINT32 in host order (fwptypes.h). For the IPv6 addresses of
IPSEC_TRAFFIC no document says in which order the 16 bytes stand: most programs
copy them as they are, strongSwan's kernel-wfp plugin reverses all 16 when it
installs an SA. Both ways go through `Ipv6Order`; network order is the default.
"""

from __future__ import annotations

from enum import Enum


class Ipv6Order(Enum):
    """The order of the 16 bytes of an IPv6 address in IPSEC_TRAFFIC and in the template."""

    NETWORK = "network"
    REVERSED = "reversed"

    def from_wfp(self, raw: bytes) -> bytes:
        """Network order, from the 16 bytes in memory."""
        return raw if self is Ipv6Order.NETWORK else raw[::-1]

    def to_wfp(self, packed: bytes) -> bytes:
        """The 16 bytes for memory, from network order."""
        return packed if self is Ipv6Order.NETWORK else packed[::-1]


def ipv4_from_wfp(raw: bytes) -> bytes:
    """Network order, from the 4 bytes of a little-endian UINT32 in host order."""
    return raw[3::-1]

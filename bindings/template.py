"""The enumeration template, which filters by subnet.

IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 (ipsectypes.h) has a local and a remote subnet;
IKEEXT_SA_ENUM_TEMPLATE0 (iketypes.h) begins with the same fields. For the subnets,
the documentation of IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 names only FWP_V6_ADDR_AND_MASK.
The comment in ipsectypes.idl also allows FWP_UINT32, FWP_BYTE_ARRAY16_TYPE and
FWP_V4_ADDR_MASK.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.enums import DataType


@dataclass(frozen=True, slots=True)
class SubnetTemplate:
    """A template for objects with an SA between these subnets; None matches any address."""

    local: IPv4Network | IPv6Network | None = None
    remote: IPv4Network | IPv6Network | None = None

    def as_c(
        self, ipv6_order: Ipv6Order, struct: str = "IPSEC_SA_CONTEXT_ENUM_TEMPLATE0"
    ) -> TemplateMemory:
        """Convert the template to the C struct named `struct`, for …CreateEnumHandle0."""
        return TemplateMemory(self, ipv6_order, struct)


class TemplateMemory:
    """A template in C memory, valid as long as this object exists."""

    def __init__(self, template: SubnetTemplate, ipv6_order: Ipv6Order, struct: str) -> None:
        self.pointer = ffi.new(f"{struct} *")
        self._parts = [
            _fill(self.pointer.localSubNet, template.local, ipv6_order),
            _fill(self.pointer.remoteSubNet, template.remote, ipv6_order),
        ]


def _fill(value: Any, subnet: IPv4Network | IPv6Network | None, ipv6_order: Ipv6Order) -> Any:
    """Set a FWP_CONDITION_VALUE0 to a subnet; return the memory to keep alive with the value."""
    if subnet is None:
        value.type = DataType.EMPTY
        return None
    if isinstance(subnet, IPv4Network):
        part = ffi.new("FWP_V4_ADDR_AND_MASK *")
        part.addr, part.mask = int(subnet.network_address), int(subnet.netmask)
        value.type, value.v4AddrMask = DataType.V4_ADDR_MASK, part
    else:
        part = ffi.new("FWP_V6_ADDR_AND_MASK *")
        part.addr = list(ipv6_order.to_wfp(subnet.network_address.packed))
        part.prefixLength = subnet.prefixlen
        value.type, value.v6AddrMask = DataType.V6_ADDR_MASK, part
    return part

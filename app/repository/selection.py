"""Which contexts a list shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network

from bindings.records import SaContext


Subnet = IPv4Network | IPv6Network

Endpoints = tuple[tuple[bytes | None, bytes | None], ...]
"""The local and the remote address of each SA of a context, packed, without repetition."""


def endpoints_of(context: SaContext) -> Endpoints:
    """The addresses between which a context protects traffic."""
    return tuple(
        dict.fromkeys(
            (sa.traffic.local_address, sa.traffic.remote_address)
            for sa in (context.inbound_sa, context.outbound_sa)
            if sa is not None
        )
    )


@dataclass(frozen=True)
class Selection:
    """What a context must meet. Several subnets of one side mean any of them.

    A context matches when one of its SAs meets all that is asked for.
    """

    local_subnets: tuple[Subnet, ...] = ()
    remote_subnets: tuple[Subnet, ...] = ()

    def matches(self, endpoints: Endpoints) -> bool:
        """Whether one of the SAs with these addresses meets the selection."""
        if not self._local and not self._remote:
            return True
        return any(
            _is_on(local, self._local) and _is_on(remote, self._remote)
            for local, remote in endpoints
        )

    @cached_property
    def _local(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(map(_compare_by, self.local_subnets))

    @cached_property
    def _remote(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(map(_compare_by, self.remote_subnets))


EVERYTHING = Selection()


def _compare_by(subnet: Subnet) -> tuple[int, int, int]:
    """The length of a packed address, how many bits to drop from it, and what must remain."""
    dropped = subnet.max_prefixlen - subnet.prefixlen
    return subnet.max_prefixlen // 8, dropped, int(subnet.network_address) >> dropped


def _is_on(address: bytes | None, subnets: tuple[tuple[int, int, int], ...]) -> bool:
    if not subnets:
        return True
    if address is None:
        return False
    number, length = int.from_bytes(address, "big"), len(address)
    return any(
        length == wanted_length and number >> dropped == wanted
        for wanted_length, dropped, wanted in subnets
    )

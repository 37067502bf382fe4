"""What one SA context or main mode SA adds to a peer, taken from its index key.

A peer is a remote address, in tunnel mode the outer one. Its key is the address, packed in network
order.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from app.repository.query.filters import Key
from app.resources.sa_contexts.index import PORT_BYTES, reader
from app.resources.wfp.endpoints import remote_of_ends
from app.resources.wfp.indexed_names import NameKind, names_in


PeerKey = bytes
"""The packed address of a peer: 4 or 16 bytes."""

_ADDRESS_BYTES: Final = 16
_PARTS: Final = reader("suite", "mm_sa_id", "udp_ports", "names_start", "names_end")


class ContextPart(NamedTuple):
    """What an SA context adds to a peer; equal for most of the contexts of one peer.

    Attributes:
        suites: the suites of its SAs (`app.resources.sa_contexts.suites`), inbound first.
        udp_port: the peer's port if ESP is encapsulated in UDP; otherwise 0.
        main_mode: the id of its main mode SA if `udp_port` is set; otherwise 0.
        names: the peer's principal names, the machine's before the user's.
    """

    suites: tuple[int, ...]
    udp_port: int
    main_mode: int
    names: tuple[str, ...]


class NatClient(NamedTuple):
    """One client behind a NAT, which maps each client to a UDP port of its own.

    Attributes:
        udp_port: the port.
        name: the client's principal name; empty if unknown.
        main_mode: the id of its main mode SA if it has no name; otherwise 0, because a client keeps
            its name when main mode is rekeyed.
    """

    udp_port: int
    name: str
    main_mode: int


def part_of_context(key: Key) -> ContextPart:
    """Return what an SA context adds to its peers."""
    records = [*_PARTS(key)]
    _, main_mode, ports, start, end = records[-1]  # the outbound SA, if there is one
    udp_port = int.from_bytes(ports[PORT_BYTES:])
    return ContextPart(
        tuple([suite for suite, *_ in records]),
        udp_port,
        main_mode if ports else 0,
        tuple(names_in(key[start:end], NameKind.PRINCIPAL)),
    )


def nat_client_of(part: ContextPart) -> NatClient | None:
    """Return the client to which a part belongs; None if ESP is not encapsulated in UDP."""
    if not part.udp_port:
        return None
    name = part.names[-1] if part.names else ""
    return NatClient(part.udp_port, name, 0 if name else part.main_mode)


def peers_of_ike_sa(key: Key) -> tuple[PeerKey, ...]:
    """Return the peer of a main mode SA; none without an address."""
    remote = remote_of_ends(key)
    return (remote,) if remote else ()


def number_of(peer: PeerKey | IPv4Address | IPv6Address) -> int:
    """Return the number of a peer: in order of addresses, IPv4 before IPv6."""
    packed = peer if isinstance(peer, bytes) else peer.packed
    return int.from_bytes(bytes((len(packed),)) + packed.ljust(_ADDRESS_BYTES, b"\0"))


def peer_of_number(number: int) -> PeerKey:
    """Return the peer with a number."""
    length, *padded = number.to_bytes(1 + _ADDRESS_BYTES)
    return bytes(padded[:length])

"""The client behind trusted proxies, from `Forwarded` (RFC 7239) and `X-Forwarded-For`.

How the client is found: each proxy appends the address of its own client to the list, so the list
is read from its end. While the address found so far is a trusted proxy's, the address before it is
believed. The first address that is no trusted proxy's is the client's; the client itself may have
written everything before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import islice
from typing import Final

from app.net.networks import client_network, is_loopback


MAX_PROXIES: Final = 16
"""Maximum number of proxies in a row whose addresses are read."""
MAX_NODE_BYTES: Final = 64
"""Maximum length of an address with a port; longer ones are malformed and never cached."""

_NODE: Final = re.compile(
    rb"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::(?:[0-9]{1,5}|_[\w.-]+))?|([0-9A-Fa-f:.]+)", re.ASCII
)
"""An address, maybe with a port (RFC 7239, 6).

`unknown` and obfuscated identifiers do not match. IPv6 without brackets is usual in
`X-Forwarded-For`.
"""
_PAIR: Final = re.compile(
    rb"([\w!#$%&'*+.^`|~-]{1,32})="
    rb"(?:([\w!#$%&'*+.^`|~:\[\]-]{1,300})|\"((?:[^\"\\]|\\.)*)\")"
    rb"[ \t]{0,8}(?:;[ \t]{0,8}|\Z)",
    re.ASCII,
)
"""A parameter of `Forwarded` and what separates it from the next (RFC 7239, 4).

Many proxies do not quote addresses that contain colons and brackets, although they must.
"""

Network = IPv4Network | IPv6Network
Headers = Sequence[tuple[bytes, bytes]]
"""Header fields; names are in lower case."""


class TrustedProxies:
    """The proxies whose reports of their clients' addresses are believed.

    `address in proxies` is whether an address is one of theirs; a name or a network is not.
    """

    def __init__(self, networks: Iterable[Network] | None) -> None:
        """Create the set of proxies.

        Args:
            networks: the networks that contain them; None: no proxy is trusted.
        """
        self._networks = tuple(networks or ())
        self._contains = lru_cache(1024)(self._is_in_a_network)

    def __bool__(self) -> bool:
        """Return whether any proxy is trusted."""
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        return bool(self._networks) and self._contains(address)

    def network_of(self, address: str) -> str:
        """Return the network that a connection from an address counts against.

        A trusted proxy counts as itself, not as its IPv6 network, which may have other clients.
        """
        return address if address in self else client_network(address)

    def client_of(self, peer: str, headers: Headers) -> str:
        """Return the address of the client that sent a request, in canonical form.

        It is the peer's own if the peer is no trusted proxy, or reports no client. An address that
        is malformed, hidden or further than `MAX_PROXIES` away is replaced by that of the last
        proxy before it. If both header fields are present and name different clients, one of them
        may be the client's own forgery: neither is believed.

        Args:
            peer: the address of the connection's other end.
            headers: the header fields of the request.
        """
        if peer not in self:
            return peer
        forwarded = [value for name, value in headers if name == b"forwarded" and value]
        addresses = [value for name, value in headers if name == b"x-forwarded-for" and value]
        clients = set()
        if addresses:
            clients.add(self._client(peer, _last_first(addresses)))
        if forwarded:
            clients.add(self._client(peer, map(_node_of, _last_first(forwarded))))
        return clients.pop() if len(clients) == 1 else peer

    def _client(self, peer: str, nodes: Iterator[bytes]) -> str:
        """Follow the nodes, last first, from the peer to the client."""
        client = peer
        for node in islice(nodes, MAX_PROXIES):
            address = _address_of(node) if len(node) <= MAX_NODE_BYTES else None
            # Another machine's loopback address is not this host's.
            if address is None or (is_loopback(address) and not is_loopback(client)):
                return client
            client = address
            if client not in self:
                return client
        return client

    def _is_in_a_network(self, address: str) -> bool:
        canonical = _address_of(address.partition("%")[0].encode())
        if canonical is None:
            return False
        parsed = ip_address(canonical)
        return any(parsed in network for network in self._networks)


def _last_first(fields: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the elements of a list in several header fields, the last `MAX_PROXIES` of each.

    Commas in quoted strings separate, too: both halves then are malformed. Reading from the start
    instead would let a client hide what proxies append behind a quote that it does not close.
    """
    for field in reversed(fields):
        for element in reversed(field.rsplit(b",", MAX_PROXIES)[-MAX_PROXIES:]):
            if stripped := element.strip(b" \t"):  # empty elements are ignored (RFC 9110, 5.6.1)
                yield stripped


def _node_of(element: bytes) -> bytes:
    """Return the value of an element's only parameter `for`; empty if malformed."""
    nodes, position = [], 0
    while position < len(element):
        pair = _PAIR.match(element, position)
        if pair is None:
            return b""
        if pair[1].lower() == b"for":
            nodes.append(pair[2] or pair[3])
        position = pair.end()
    return nodes[0] if len(nodes) == 1 else b""


@lru_cache(1024)
def _address_of(node: bytes) -> str | None:
    """Return the address in a node, IPv4-mapped as IPv4; None if there is none."""
    match = _NODE.fullmatch(node)
    if match is None:
        return None
    try:
        parsed = ip_address((match[1] or match[2] or match[3]).decode())
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)

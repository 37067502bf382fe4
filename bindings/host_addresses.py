"""This host's own IPv6 addresses."""

from __future__ import annotations

import os
import socket
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final


LOOPBACK: Final = IPv6Address("::1").packed
INTERFACES: Final = Path("/proc/net/if_inet6")
"""The table of this host's IPv6 addresses on Linux (proc(5)).

Each line begins with an address, as 32 hexadecimal digits.
"""


def host_ipv6_addresses() -> frozenset[bytes]:
    """Return this host's IPv6 addresses, packed in network order, including loopback.

    Return only loopback if the addresses cannot be found. On Windows, an empty name stands for
    all addresses of the local computer (getaddrinfo, ws2tcpip.h).
    """
    try:
        if os.name != "nt":
            return frozenset((LOOPBACK, *linux_addresses(INTERFACES)))
        found = socket.getaddrinfo("", None, socket.AF_INET6)
        return frozenset((LOOPBACK, *(IPv6Address(address[0]).packed for *_, address in found)))
    except (OSError, ValueError):
        return frozenset((LOOPBACK,))


def linux_addresses(table: Path) -> list[bytes]:
    """Return the addresses in a file that has the format of `INTERFACES`.

    Raises:
        OSError, ValueError: the file cannot be read, or has another format.
    """
    return [bytes.fromhex(line.partition(" ")[0]) for line in table.read_text("ascii").splitlines()]

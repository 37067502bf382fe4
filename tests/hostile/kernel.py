"""What the kernel holds for a server: its sockets, and what their clients have not acknowledged."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Held(NamedTuple):
    """What the kernel holds.

    Attributes:
        connections: connections whose client has not acknowledged everything, those included that
            the server has closed.
        unacknowledged: the bytes in their send queues.
    """

    connections: int
    unacknowledged: int


_TIME_WAIT = "06"  # net/tcp_states.h


def held_for(port: int, process: str = "thread-self") -> Held:
    """Return what is held for the server at a port, in the network of its process.

    `tx_queue` in /proc/net/tcp is what a client has not acknowledged, whether the connection
    belongs to a process or is in FIN-WAIT-1 (net/ipv4/tcp_ipv4.c, get_tcp4_sock).
    """
    queues = []
    for line in Path(f"/proc/{process}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, queue, *_ = line.split()
        unacknowledged = int(queue.partition(":")[0], 16)
        if int(local.partition(":")[2], 16) == port and state != _TIME_WAIT and unacknowledged:
            queues.append(unacknowledged)
    return Held(len(queues), sum(queues))

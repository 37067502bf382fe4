"""A network of its own for this thread, with as many addresses as a test needs.

Over loopback's own addresses no limit per address would apply.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hostile.distance import Reach


HERE = Reach("addresses", "198.18.0.1", "198.18.200.1", ("198.18.1.0",))
"""The network. Attackers have the addresses from its one source on."""

_CLONE_NEWNET = 0x40000000


@contextmanager
def many_addresses() -> Iterator[None]:
    """Move this thread, and the processes that it starts, into a network of 198.18.0.0/15.

    All its addresses are this host's (RFC 2544 reserves them for tests). It needs root.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _call("unshare", _CLONE_NEWNET)
        try:
            for words in ("link set lo up", "route add local 198.18.0.0/15 dev lo"):
                subprocess.run(["ip", *words.split()], check=True)  # noqa: S607  # the system's
            yield
        finally:
            _call("setns", before, _CLONE_NEWNET)
    finally:
        os.close(before)


def backlog_overflows(process: str = "thread-self") -> int:
    """Return how many handshakes the kernel ignored for a full backlog, in a process's network."""
    lines = Path(f"/proc/{process}/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = (line.split()[1:] for line in lines if line.startswith("TcpExt:"))
    counts = dict(zip(names, map(int, values), strict=True))
    return counts["ListenOverflows"] + counts["ListenDrops"]


def _call(name: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}; the attacks need root")

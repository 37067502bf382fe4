"""The ways to a server: over loopback, or over a network with a round trip of 100 ms.

How the distant way works: `distance.c` makes a network namespace for the server, joins it to this
one by two TUN interfaces, and delays each packet between them. TCP runs from end to end, so a
distant client meets the server's own backlog, windows and timeouts. Clients use any address of
a /24, each of which is a network of its own to the server. All of it ends with the program, even
if the tests are killed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pytest


ROUND_TRIP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Reach:
    """A way to a server.

    Attributes:
        name: its name.
        address: the server's address.
        client: the address of clients that choose none.
        sources: addresses of clients besides the default one; empty: only the default one.
        round_trip_seconds: the delay of a packet and its answer.
        launcher: what precedes the command that starts the server.
        process: a process in the server's network, by its name in /proc.
    """

    name: str
    address: str
    client: str
    sources: tuple[str, ...] = ()
    round_trip_seconds: float = 0
    launcher: tuple[str, ...] = ()
    process: str = "thread-self"

    @property
    def is_distant(self) -> bool:
        return self.round_trip_seconds > 0


LOOPBACK = Reach("loopback", "127.0.0.1", "127.0.0.1")
DISTANT = "distant"

far = pytest.mark.parametrize("reach", [DISTANT], indirect=True, scope="package")
"""Marks a test that attacks from a distance."""
near_and_far = pytest.mark.parametrize(
    "reach", [LOOPBACK.name, DISTANT], indirect=True, scope="package"
)
"""Marks a test that attacks both over loopback and from a distance."""


class Network:
    """A running network.

    Attributes:
        reach: the way over it.
        report: how many packets were passed on and dropped, at its end.
    """

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.report: dict[str, int] = {}


@contextmanager
def distance(program: Path, round_trip_seconds: float = ROUND_TRIP_SECONDS) -> Iterator[Network]:
    """Run a network with this round trip; `program` is `distance.c`, compiled.

    Its addresses are of 198.18.0.0/15, which is for tests of networks (RFC 2544, C.2.2).
    """
    with subprocess.Popen(
        [program, f"{round_trip_seconds * 500:.0f}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.setpriority(os.PRIO_PROCESS, process.pid, -20)  # a network needs no processor
        names = _output(process).readline().split()
        if len(names) != 2 or which("ip") is None:  # a skip would hide that the leg proves nothing
            reason = process.communicate()[1].strip() or "ip is missing"
            pytest.fail(f"attacks from a distance need root, TUN and iproute2: {reason}")
        number = int(names[0].removeprefix("distance"))
        inside = ("nsenter", f"--net=/proc/{process.pid}/ns/net")
        clients, server = f"198.18.{number}", f"198.19.{number}.1"
        # The queues hold what a flood sends while the program waits for a processor.
        _configure(
            f"link set {names[0]} txqueuelen 10000 up",
            f"address add {clients}.1/32 dev {names[0]}",
            f"route add local {clients}.0/24 dev {names[0]}",
            f"route add {server}/32 dev {names[0]} src {clients}.1",
        )
        _configure(
            "link set lo up",
            f"link set {names[1]} txqueuelen 10000 up",
            f"address add {server}/32 dev {names[1]}",
            f"route add default dev {names[1]} src {server}",
            inside=inside,
        )
        sources = tuple(f"{clients}.{host}" for host in range(2, 255))
        reach = Reach(
            DISTANT,
            server,
            f"{clients}.1",
            sources,
            round_trip_seconds,
            inside,
            str(process.pid),
        )
        network = Network(reach)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        try:
            yield network
        finally:
            network.report = json.loads(process.communicate(timeout=10)[0])


def _configure(*commands: str, inside: tuple[str, ...] = ()) -> None:
    run = subprocess.run(
        [*inside, "ip", "-batch", "-"],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def _output(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return process.stdout

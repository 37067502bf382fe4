"""The network that distant attacks come over is one: it delays, keeps order and ends nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import AF_INET, SOCK_DGRAM, create_connection, socket
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from tests.hostile.distance import Reach, far


ECHO = """
from socket import create_server
with create_server((ADDRESS, 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    while data := connection.recv(65536):
        connection.sendall(data)
"""
DEAF = """
from socket import create_server
with create_server((ADDRESS, 0), backlog=1) as listener:
    print(listener.getsockname()[1], flush=True)
    input()
"""
COUNTING = """
from socket import *
receiver = socket(AF_INET, SOCK_DGRAM)
receiver.bind((ADDRESS, 0))
print(receiver.getsockname()[1], flush=True)
receiver.settimeout(5)
while True:
    data, sender = receiver.recvfrom(2000)
    receiver.sendto(data, sender)
"""


@contextmanager
def running(reach: Reach, program: str) -> Iterator[int]:
    """Run a program at the server's place; yields its port."""
    process = subprocess.Popen(
        [*reach.launcher, sys.executable, "-c", f"ADDRESS = {reach.address!r}\n{program}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@far
def test_a_round_trip_takes_as_long_as_stated(reach: Reach) -> None:
    with running(reach, ECHO) as port:
        began = perf_counter()
        with create_connection((reach.address, port)) as connection:
            took = [perf_counter() - began]
            for _ in range(20):
                began = perf_counter()
                connection.sendall(b"x")
                connection.recv(1)
                took.append(perf_counter() - began)

    assert min(took) >= reach.round_trip_seconds
    assert median(took) < reach.round_trip_seconds + 0.02


@far
def test_no_packet_is_lost_or_overtaken(reach: Reach) -> None:
    at_a_time, rounds = 150, 10  # a socket queues some 250 small datagrams
    arrived = []
    with running(reach, COUNTING) as port, socket(AF_INET, SOCK_DGRAM) as sender:
        sender.settimeout(5)
        sender.connect((reach.address, port))
        for start in range(0, at_a_time * rounds, at_a_time):
            for number in range(start, start + at_a_time):
                sender.send(number.to_bytes(4, "big") + bytes(100))
            arrived += [int.from_bytes(sender.recv(2000)[:4], "big") for _ in range(at_a_time)]

    assert arrived == list(range(at_a_time * rounds))


@far
def test_a_large_transfer_is_whole(reach: Reach) -> None:
    """Segments that the interfaces leave undivided arrive as they were sent."""
    content = bytes(range(256)) * 4096
    with running(reach, ECHO) as port, create_connection((reach.address, port)) as connection:
        connection.settimeout(10)
        came = b""
        for start in range(0, len(content), 1 << 16):
            connection.sendall(content[start : start + (1 << 16)])
            while len(came) < start + (1 << 16):
                came += connection.recv(1 << 16)

    assert came == content


@far
def test_clients_meet_the_backlog_of_the_server(reach: Reach) -> None:
    """A relay that ended TCP would accept for the server."""
    with running(reach, DEAF) as port:
        sockets: list[Any] = [connected(reach, port) for _ in range(2)]
        with pytest.raises(TimeoutError):
            connected(reach, port)
        for each in sockets:
            each.close()


@far
def test_clients_come_from_many_addresses(reach: Reach) -> None:
    assert len(reach.sources) > 250
    source = (reach.sources[-1], 0)
    with (
        running(reach, ECHO) as port,
        create_connection((reach.address, port), 5, source) as connection,
    ):
        connection.sendall(b"there")
        assert connection.recv(5) == b"there"


def connected(reach: Reach, port: int) -> socket:
    return create_connection((reach.address, port), timeout=reach.round_trip_seconds * 5)

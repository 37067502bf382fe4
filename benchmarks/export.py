"""Export: how much memory it takes to stream a whole list."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from threading import Thread
from time import perf_counter, sleep

from benchmarks import servers
from benchmarks.client import ANEW, LAST_CHUNK, NEWEST, Client
from benchmarks.figures import Bar, Figure, Section
from benchmarks.servers import Server
from benchmarks.sizes import Sizes


MAX_MEGABYTES = 20.0
"""Maximum growth of the server's memory during exports."""

READERS = 4
SLOW_BYTES = 64 << 10
SLOW_PAUSE_SECONDS = 0.01
TAIL_BYTES = 1024
"""More bytes than the last line and the end of the body have."""
REQUEST = (
    f"GET {NEWEST} HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n{{more}}\r\n"
)


def measure(sizes: Sizes) -> list[Section]:
    """Measure several kinds of readers, on one server with one snapshot."""
    contexts, port = sizes.large, 0
    with servers.ours(contexts) as server, Client(server.port) as client:
        port = server.port
        client.get(ANEW)
        assert client.get(f"{NEWEST}&limit=1").next_target  # this leases the snapshot
        kinds: dict[str, Callable[[], float]] = {
            "a fast reader": lambda: _read(port, contexts),
            "a fast reader, gzip": lambda: _read(port, contexts, "Accept-Encoding: gzip\r\n"),
            f"a slow reader, {sizes.export_seconds:g} s": lambda: _read_slowly(
                port, sizes.export_seconds
            ),
            f"{READERS} fast readers": lambda: _read_in_parallel(port, contexts),
        }
        figures = [
            figure
            for name, read in kinds.items()
            for figure in _measure(server, name, read, sizes.few_rounds)
        ]
    return [
        Section(
            f"Export of {contexts} contexts as NDJSON, over HTTP",
            "Memory: the maximum of the server's resident set during an export, minus its size "
            "before, with the snapshot in memory. The slow reader reads "
            f"{SLOW_BYTES >> 10} kB every {SLOW_PAUSE_SECONDS * 1e3:.0f} ms, and disconnects "
            "before it has everything.",
            tuple(figures),
        )
    ]


def _measure(
    server: Server, name: str, read: Callable[[], float], rounds: int
) -> tuple[Figure, Figure]:
    megabytes, rates = [], []
    for _ in range(rounds):
        server.simulate("trim")  # otherwise an export would reuse the memory of the refresh
        before = server.resident_bytes
        server.forget_most_resident()
        rates.append(read())
        megabytes.append((server.peak_resident_bytes - before) / 1e6)
    return (
        Figure(f"{name}: memory", "MB", tuple(megabytes), Bar.AT_MOST, MAX_MEGABYTES),
        Figure(f"{name}: speed", "MB/s", tuple(rates)),
    )


def _read(port: int, contexts: int, more: str = "") -> float:
    """Read a whole export; return its megabytes per second on the wire.

    `more` is further header lines. If it is empty, check that the export is complete.
    """
    began = perf_counter()
    received, tail = 0, b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST.format(more=more).encode())
        buffer = bytearray(1 << 20)
        while not tail.endswith(LAST_CHUNK):
            count = connection.recv_into(buffer)
            assert count, "the server closed the connection"
            received += count
            tail = (tail + buffer[max(0, count - TAIL_BYTES) : count])[-TAIL_BYTES:]
    if not more:
        end = json.loads(tail[tail.index(b'{"end"') :].split(b"\n")[0])
        assert end["count"] == contexts, end
    return received / (perf_counter() - began) / 1e6


def _read_slowly(port: int, seconds: float) -> float:
    """Read part of an export slowly, then disconnect; return megabytes per second on the wire."""
    began = perf_counter()
    received = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST.format(more="").encode())
        while perf_counter() - began < seconds:
            received += len(connection.recv(SLOW_BYTES))
            sleep(SLOW_PAUSE_SECONDS)
    return received / (perf_counter() - began) / 1e6


def _read_in_parallel(port: int, contexts: int) -> float:
    """Read `READERS` whole exports in parallel; return their total megabytes per second."""
    rates: list[float] = []
    threads = [Thread(target=lambda: rates.append(_read(port, contexts))) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rates) == READERS, "an export is not whole"
    return sum(rates)

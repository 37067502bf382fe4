"""A flood of requests at a constant rate, from a client in C, and a regular client beside it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Self

from tests.hostile.distance import Reach
from tests.hostile.process import Target


PAGE = "/sa-contexts?limit=100&maxAge=60"
"""What the client beside a flood requests: it waits for no read of the engine."""

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood: 5,000 requests a second, on time, whatever the server does.

    Attributes:
        request: the request to repeat.
        connections: the number of connections, used in turn.
    """

    request: bytes
    connections: int
    per_second: int = 5000

    @contextmanager
    def over(self, target: Target, program: Path, seconds: int) -> Iterator[Flooding]:
        """Start it for so many seconds."""
        words = [target.reach.address, target.port, self.connections, self.per_second, seconds]
        with subprocess.Popen(
            [program, *map(str, words), self.request], stdout=subprocess.PIPE
        ) as process:
            flooding = Flooding(process)
            yield flooding
            flooding.wait()


class Flooding:
    """A flood under way.

    Attributes:
        report: the outcomes, at its end.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.report: dict[str, Any] = {}

    def wait(self) -> None:
        """Wait until it ends."""
        output, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        self.report = json.loads(output)


def compiled(folder: Path, name: str = "flood") -> Path:
    """Compile a program into a folder."""
    program, source = folder / name, _FOLDER / f"{name}.c"
    options = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run(["cc", *options, "-o", program, source], check=True)  # noqa: S607  # the system's compiler
    return program


class Regular:
    """A client that requests a page at regular times, with a key, over one connection."""

    def __init__(self, target: Target, key: str, address: str) -> None:
        """Connect to a target from an address."""
        self._connection = http.client.HTTPConnection(
            target.reach.address, target.port, timeout=20, source_address=(address, 0)
        )
        self._headers = {"Authorization": f"Bearer {key}"}

    def __enter__(self) -> Self:
        self._connection.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, seconds: float, per_second: int = 100) -> list[float]:
        """Return the seconds from when each request was due to its response."""
        took, began = [], perf_counter()
        for number in range(ceil(seconds * per_second)):
            due = began + number / per_second
            sleep(max(0.0, due - perf_counter()))  # requests are sent at regular times
            self._connection.request("GET", PAGE, headers=self._headers)
            response = self._connection.getresponse()
            body = response.read()
            took.append(perf_counter() - due)
            assert response.status == http.HTTPStatus.OK, body
            assert body.count(b'"saContextId"') == 100
        return took


@contextmanager
def on_processor(number: int, process: int = 0) -> Iterator[None]:
    """Run a process, or by default those started meanwhile, on one processor of several."""
    before = os.sched_getaffinity(process)
    if len(before) > 1:
        os.sched_setaffinity(process, {sorted(before)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(process, before)


@contextmanager
def away_from_server(reach: Reach) -> Iterator[None]:
    """Run the network, too, on the processor of the flood, whose packets it carries."""
    if reach.is_distant:
        with on_processor(1, int(reach.process)):
            yield
    else:
        yield

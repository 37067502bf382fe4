"""The measured servers, each in its own process and on a free port."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from benchmarks.client import MIN_REST_SECONDS, Client
from benchmarks.sizes import SEED


ROOT = Path(__file__).parent.parent
START_SECONDS = 60
STOP_SECONDS = 20
POLL_SECONDS = 0.05

UNDISTURBED = {
    "ENGINE_TIMEOUT_SECONDS": "300",
    "REFRESH_INTERVAL_SECONDS": "86400",
    "REFRESH_RETRY_SECONDS": "86400",
    "SNAPSHOT_IDLE_TIMEOUT_SECONDS": "86400",
    "MAX_SNAPSHOT_SECONDS": "86400",
    "SIMULATED_SEED": str(SEED),
}
"""Settings of our server that prevent refreshes without a request, keep leases, and let a slow
machine finish a refresh of 100,000 contexts; all others are the defaults, the log of every request
included."""


class Server:
    """A server process.

    Attributes:
        port: the port on which it listens.
    """

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def simulate(self, method: str, *arguments: object) -> Any:
        """Return the result of a method of our server's simulator (`benchmarks.controlled`)."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    @property
    def resident_bytes(self) -> int:
        """Return the size of the process's resident set (proc(5); Linux only)."""
        return self._status("VmRSS")

    @property
    def peak_resident_bytes(self) -> int:
        """Return the maximum of `resident_bytes` since `forget_most_resident`."""
        return self._status("VmHWM")

    def forget_most_resident(self) -> None:
        """Reset `peak_resident_bytes`."""
        self._proc("clear_refs").write_text("5", encoding="ascii")

    @property
    def processor_seconds(self) -> float:
        """Return the processor time of the process, in user and in kernel mode (proc(5))."""
        fields = self._proc("stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def _status(self, name: str) -> int:
        for line in self._proc("status").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return int(value.split()[0]) * 1024
        raise LookupError(name)

    def _proc(self, file: str) -> Path:
        return Path("/proc", str(self._process.pid), file)


@contextmanager
def ours(contexts: int, **settings: object) -> Iterator[Server]:
    """Run `sa-contexts serve` on simulated contexts, which do not change by themselves.

    The server does not read the engine before the first request that requires a refresh. Its log
    goes into a file.
    """
    command = ["benchmarks.controlled", "serve", "--engine", "simulator", "--simulated-churn", "0"]
    with _served(*command, "--simulated-contexts", str(contexts), **settings) as server:
        with Client(server.port) as client:
            while not client.has_refreshed():  # the first attempt fails, as intended
                time.sleep(POLL_SECONDS)
        server.simulate("clear_failures")
        time.sleep(MIN_REST_SECONDS)
        yield server


@contextmanager
def static(size: int) -> Iterator[Server]:
    """Run the static server, with pages of `size` bytes."""
    with _served("benchmarks.comparisons", "static", str(size)) as server:
        yield server


@contextmanager
def naive(contexts: int) -> Iterator[Server]:
    """Run the naive server on simulated contexts."""
    with _served("benchmarks.comparisons", "naive", str(contexts)) as server:
        yield server


@contextmanager
def _served(*command: str, **settings: object) -> Iterator[Server]:
    port = _free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SA_CONTEXTS_")
    } | {f"SA_CONTEXTS_{name}": value for name, value in UNDISTURBED.items()}
    environment |= {f"SA_CONTEXTS_{name.upper()}": str(value) for name, value in settings.items()}
    with TemporaryFile() as log:  # the process inherits this
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        _wait_for(process, port)
        yield Server(process, port)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    """Wait until the server listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            with Client(port):
                return
        except ConnectionRefusedError:
            time.sleep(POLL_SECONDS)
    raise AssertionError(f"{process.args!r} does not listen")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port

"""Servers in processes of their own, each on a free port, ended when no longer needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import Client
from benchmarks.sizes import SEED


ROOT = Path(__file__).parent.parent
START_SECONDS = 60
STOP_SECONDS = 20

_UNDISTURBED = {
    "REFRESH_SECONDS": "86400",
    "SNAPSHOT_IDLE_SECONDS": "86400",
    "SNAPSHOT_MAX_SECONDS": "86400",
    "SNAPSHOT_COUNT": "100000",
    "MINIMUM_INTERVAL_SECONDS": "0",
    "PATIENCE_SECONDS": "300",
    "SIMULATED_SEED": str(SEED),
    "LOG_LEVEL": "error",
}
"""Settings of ours under which it drains when it is asked to, and at no other time."""


@contextmanager
def ours(contexts: int) -> Iterator[int]:
    """The port of `sa-contexts serve` on so many simulated contexts that do not change."""
    command = ["app.cli", "serve", "--engine", "simulator", "--simulated-churn", "0"]
    with _served(*command, "--simulated-contexts", str(contexts)) as port:
        yield port


@contextmanager
def static(size: int) -> Iterator[int]:
    """The port of the static server, with pages of so many bytes."""
    with _served("benchmarks.comparisons", "static", str(size)) as port:
        yield port


@contextmanager
def naive(contexts: int) -> Iterator[int]:
    """The port of the naive server on so many simulated contexts."""
    with _served("benchmarks.comparisons", "naive", str(contexts)) as port:
        yield port


@contextmanager
def _served(module: str, *arguments: str) -> Iterator[int]:
    port = _free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SA_CONTEXTS_")
    } | {f"SA_CONTEXTS_{name}": value for name, value in _UNDISTURBED.items()}
    server = subprocess.Popen(
        [sys.executable, "-m", module, *arguments, "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(server, port)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Until the server listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, f"{server.args!r} ended with {server.returncode}"
        try:
            with Client(port):
                return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError(f"{server.args!r} does not listen")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port

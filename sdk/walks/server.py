"""A running server for the clients, and the ids of its contexts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from sa_contexts_simulator import Simulator


CONTEXTS: Final = 1500
SEED: Final = 7


class Key(NamedTuple):
    """An API key with the scopes that the clients need.

    Attributes:
        text: the key, as the clients send it.
        file: the server's file of API keys, which lists it.
    """

    text: str
    file: Path


@contextmanager
def key() -> Iterator[Key]:
    """Create an API key with the command that administrators use."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "keys.json"
        command = [
            sys.executable,
            "-m",
            "app",
            "keys",
            "add",
            "walks",
            "--file",
            str(file),
        ]
        for scope in ("sa:read", "events:read", "metrics:read", "diagnostics:read"):
            command += ["--scope", scope]
        made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        yield Key(made.stdout.strip(), file)


def ids() -> list[str]:
    """Return the ids of the server's contexts, from a simulator with the same seed."""
    simulator = Simulator()
    simulator.reset()
    simulator.populate(CONTEXTS, SEED)
    return [str(number) for number in simulator.ids()]


@contextmanager
def server(
    *, port: int = 0, churn: int = 0, max_stream_seconds: int = 60, keys: Path | None = None
) -> Iterator[str]:
    """Run a server in a process of its own, with API keys if any are given; yield its URL."""
    command = [
        sys.executable,
        "-m",
        "app",
        "serve",
        "--port",
        str(port),
        "--engine",
        "simulator",
    ]
    settings = {
        "SA_CONTEXTS_LOG_FORMAT": "json",
        "SA_CONTEXTS_REFRESH_INTERVAL_SECONDS": "1",  # finds modifications, even in short streams
        "SA_CONTEXTS_SIMULATED_CHURN": str(churn),
        "SA_CONTEXTS_SIMULATED_CONTEXTS": str(CONTEXTS),
        "SA_CONTEXTS_SIMULATED_SEED": str(SEED),
        "SA_CONTEXTS_MAX_STREAM_SECONDS": str(max_stream_seconds),
        **({} if keys is None else {"SA_CONTEXTS_API_KEYS_FILE": str(keys)}),
    }
    with subprocess.Popen(
        command, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr
            entries = (json.loads(line) for line in server.stderr)
            yield next(entry["url"] for entry in entries if entry["event"] == "listening")
        finally:
            server.terminate()

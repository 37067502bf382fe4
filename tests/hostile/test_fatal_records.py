"""Records that lead to invalid memory: they end the server twice, and then one resource only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import httpx2
import pytest

from bindings.call_notes import FILE_BYTES
from tests.hostile.fatal_engine import FATAL, HANG, build
from tests.hostile.process import ROOT


SECONDS = 30
"""Timeout of every wait."""

PATHS = {
    "sa-contexts": "/sa-contexts",
    "ike-sas": "/ike-sas",
    "net-events": "/net-events",
    "statistics": "/statistics/ipsec",
}

FURTHER_PATHS = {
    "sa-contexts": ("/sa-contexts/1", "/sa-contexts/summary", "/sa-contexts/events"),
    "ike-sas": ("/ike-sas/1",),
    "net-events": ("/net-events/events",),
    "statistics": ("/statistics/ike",),
}
"""The other paths of each resource."""


class Server:
    """`sa-contexts serve` as a user starts it, with a log file and a fixed port."""

    def __init__(self, folder: Path, lie: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log_file = folder / "logs" / "server.log"
        self.notes = folder / "logs" / "server.log.calls"
        self._environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith("SA_CONTEXTS_")},
            "SA_CONTEXTS_LIBRARY": str(build(folder, lie)),
            "SA_CONTEXTS_LOG_FILE": str(self.log_file),
            "SA_CONTEXTS_LOG_FORMAT": "json",
            "SA_CONTEXTS_PORT": str(port),
            "SA_CONTEXTS_REFRESH_INTERVAL_SECONDS": "1",
            "SA_CONTEXTS_SIMULATED_CHURN": "0",
            "SA_CONTEXTS_SIMULATED_NET_EVENTS": "0",
        }
        self._url = f"http://127.0.0.1:{port}"

    @contextmanager
    def running(self, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run it for the duration of the block; it may end before."""
        environment = self._environment | {
            f"SA_CONTEXTS_{n.upper()}": v for n, v in settings.items()
        }
        command = [sys.executable, "-m", "app", "serve"]
        self.client = httpx2.Client(base_url=self._url, timeout=SECONDS)
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                until(lambda: process.poll() is not None or self.status("/health/live") == 200)
                yield process
            finally:
                process.terminate()
                self.client.close()

    def status(self, path: str) -> int | None:
        try:
            return self.client.get(path).status_code
        except httpx2.TransportError:
            return None

    def run(self, *arguments: str) -> str:
        """Return the output of a command with the server's settings."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            text=True,
        )
        return done.stdout

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_file.read_text("utf-8").splitlines()]


def until(holds: Callable[[], bool]) -> None:
    """Wait for another process, which can only be polled."""
    deadline = monotonic() + SECONDS
    while not holds():
        assert monotonic() < deadline
        sleep(0.05)


def read(server: Server, resource: str) -> None:
    """Have the server read what kills it."""
    if resource == "sa-contexts":
        items = server.client.get("/sa-contexts?limit=1").json()["items"]
        server.status(f"/sa-contexts/{items[0]['saContextId']}")
    elif resource != "net-events":  # which arrive by themselves
        server.status(PATHS[resource])


@pytest.mark.parametrize("resource", FATAL)
def test_resource_that_ended_the_server_twice_is_unreadable_and_the_others_are_served(
    tmp_path: Path, resource: str
) -> None:
    server = Server(tmp_path, FATAL[resource])
    events = {"simulated_net_events": "50"} if resource == "net-events" else {}

    for _ in range(2):
        with server.running(**events) as process:
            read(server, resource)
            assert process.wait(SECONDS) == -signal.SIGSEGV
        dump = server.log_file.with_name("server.log.crash").read_text("ascii")
        assert "Segmentation fault" in dump
        assert "Current thread" in dump

    with server.running(**events) as process:
        statuses = {name: server.status(path) for name, path in PATHS.items()}
        assert statuses == dict.fromkeys(PATHS, 200) | {resource: 503}
        for path in (PATHS[resource], *FURTHER_PATHS[resource]):
            problem = server.client.get(path)
            assert problem.json()["code"] == "engine_record_unreadable"
            assert 0 < int(problem.headers["Retry-After"]) <= 600
        metrics = server.client.get("/metrics").text
        assert f'wfp_resource_unreadable{{resource="{resource}"}} 1.0' in metrics
        findings = json.loads(server.run("doctor", "--json"))["findings"]
        (finding,) = [each for each in findings if each["name"] == "unreadable"]
        assert len(findings) > 30  # the doctor survives what ended the server
        assert (finding["outcome"], finding["facts"]["deaths"]) == ("failure", {resource: 2})
        died = [entry for entry in server.log() if entry["event"] == "died_reading_engine"]
        assert [(each["resource"], each["deaths"]) for each in died] == [
            (resource, 1),
            (resource, 2),
        ]

        (tmp_path / "healed").touch()
        assert server.run("retry") == f"Readable again: {resource}.\n"
        until(lambda: server.status(PATHS[resource]) == 200)
        assert process.poll() is None


def test_hung_read_of_a_server_that_is_stopped_is_no_death(tmp_path: Path) -> None:
    server = Server(tmp_path, HANG)

    for _ in range(2):
        with server.running() as process:
            request = Thread(target=server.status, args=("/statistics/ipsec",))
            request.start()
            until(lambda: b"statistics" in server.notes.read_bytes()[FILE_BYTES // 4 :])
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)
            request.join()

    with server.running():
        assert server.status("/sa-contexts") == 200
    assert all(entry["event"] != "died_reading_engine" for entry in server.log())

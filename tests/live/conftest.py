"""A server of its own process, or one that runs elsewhere: only HTTP is used here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """The server named by SA_CONTEXTS_TEST_URL, or one that is started as a user starts it."""
    given = os.environ.get("SA_CONTEXTS_TEST_URL")
    if given:
        yield given
        return
    port = free_port()
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with subprocess.Popen([*command, "--simulated-churn", "20"]) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, server)
            yield url
        finally:
            server.terminate()
    assert server.returncode in (0, -15)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            if httpx2.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)  # a process that has not begun to listen can only be polled
    raise AssertionError("the server did not become ready")


@pytest.fixture(scope="session")
def http(base_url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=base_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def document(http: httpx2.Client) -> dict[str, Any]:
    openapi: dict[str, Any] = http.get("/openapi.json").json()
    return openapi

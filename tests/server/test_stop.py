"""Stopping the process while a call of the engine hangs and cannot be cancelled."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest

from tests.api.live import deaf_client
from tests.soak.credentials import issue
from tests.soak.process import Target, running_target


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

HANG_MS = 20_000
STOP_SECONDS = 2.0
"""As docs/service.md promises."""


@pytest.mark.parametrize(
    ("function", "path"),
    [
        ("FwpmEngineOpen0", "/ike-sas"),
        ("FwpmConnectionEnum0", "/connections?maxAge=0"),
        ("IPsecSaContextEnum1", "/sa-contexts?maxAge=0"),
        ("IPsecSaContextDestroyEnumHandle0", "/sa-contexts?maxAge=0"),
        ("IPsecSaContextGetById1", "/sa-contexts/1"),
        ("IkeextSaGetById2", "/ike-sas/1"),
        ("IPsecGetStatistics1", "/statistics/ipsec"),
        ("IkeextGetStatistics1", "/statistics/ike"),
    ],
)
def test_a_call_that_hangs_keeps_neither_clients_nor_the_process(function: str, path: str) -> None:
    with _target() as target:
        target.delay(function, HANG_MS)
        waiting = _waiting(target, function, path, path, path)
        end = target.stop()
        log = target.log()

    _assert_notified_of_the_stop(waiting)
    assert end.code == 0
    assert end.seconds < STOP_SECONDS
    assert "Traceback" not in log
    assert '"exception"' not in log


def test_a_stream_without_a_reader_and_a_call_that_hangs_take_no_longer_together() -> None:
    with (
        _target() as target,
        deaf_client(int(target.url.rsplit(":", 1)[1]), "?initial=true"),
    ):
        target.delay("IPsecSaContextEnum1", HANG_MS)
        waiting = _waiting(target, "IPsecSaContextEnum1", "/sa-contexts?maxAge=0")
        end = target.stop()

    _assert_notified_of_the_stop(waiting)
    assert (end.code, end.seconds < STOP_SECONDS) == (0, True)


def test_an_idle_client_of_tls_keeps_no_process(tmp_path: Path) -> None:
    """It does not read, so it does not answer the end of TLS, for which asyncio waits."""
    credentials = issue(tmp_path)
    with (
        running_target(simulated_contexts=5, simulated_churn=0, **credentials.settings) as target,
        httpx2.Client(base_url=target.url, verify=credentials.tls, timeout=30) as client,
    ):
        assert client.get("/health/live").is_success
        end = target.stop()

    assert (end.code, end.seconds < STOP_SECONDS) == (0, True)


def test_a_hung_engine_call_keeps_no_process() -> None:
    with _target() as target:
        target.delay("IPsecSaContextUnsubscribe0", HANG_MS)
        end = target.stop()

    assert (end.code, end.seconds < STOP_SECONDS) == (0, True)


def test_calls_that_are_only_slow_end_in_good_order() -> None:
    with _target() as target:
        target.delay("IPsecSaContextEnum1", 300)
        waiting = _waiting(target, "IPsecSaContextEnum1", "/sa-contexts?maxAge=0")
        end = target.stop()

    _assert_notified_of_the_stop(waiting)
    assert end.seconds < STOP_SECONDS
    counts = {name: count for name, count in end.counts.items() if name != "calls"}
    assert counts == {"open_handles": 0, "open_enumerations": 0, "unfreed_blocks": 0, "misuses": 0}


def test_a_service_manager_need_not_wait_either() -> None:
    with _target() as target:
        target.delay("IPsecGetStatistics1", HANG_MS)
        waiting = _waiting(target, "IPsecGetStatistics1", "/statistics/ipsec")
        end = target.stop(signal.SIGTERM)

    _assert_notified_of_the_stop(waiting)
    assert end.code in (0, -signal.SIGTERM)  # uvicorn ends as the signal would have
    assert end.seconds < STOP_SECONDS


@contextmanager
def _target() -> Iterator[Target]:
    """A server that has read more contexts than one page holds."""
    with running_target(
        simulated_contexts=2000, simulated_churn=0, refresh_min_interval_seconds=0
    ) as target:
        deadline = time.monotonic() + 30
        while not httpx2.get(f"{target.url}/health/ready", timeout=30).is_success:
            assert time.monotonic() < deadline
        yield target


def _waiting(target: Target, function: str, *paths: str) -> list[HTTPConnection]:
    """Send requests and wait until the server is inside a call of a function."""
    calls = target.calls(function)
    clients = [HTTPConnection(target.url.removeprefix("http://"), timeout=30) for _ in paths]
    for client, path in zip(clients, paths, strict=True):
        client.request("GET", path)
    deadline = time.monotonic() + 30
    while target.calls(function) == calls:
        assert time.monotonic() < deadline
    httpx2.get(f"{target.url}/health/live", timeout=30)  # later requests are served
    return clients


def _assert_notified_of_the_stop(clients: list[HTTPConnection]) -> None:
    for client in clients:
        response = client.getresponse()
        assert (response.status, json.load(response)["code"]) == (503, "server_stopping")
        client.close()

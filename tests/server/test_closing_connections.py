"""Connections that the server has closed, and that stay until their clients have read.

/proc/net/tcp shows what the kernel holds.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import trustme

from app.server.closing_connections import ClosingConnection
from app.server.protocol import UNSENT_BYTES
from app.server.tls.certificates import CertificateReloader, TlsFiles
from app.server.uvicorn_server import CONNECTIONS_AT_ONCE, create_server
from tests.authorities import Files, client_context
from tests.hostile.kernel import held_for
from tests.server.test_connection_limits import (
    FITTING_BYTES,
    GET,
    LIMITS,
    TICK_SECONDS,
    Application,
    Served,
    received,
    serving,
)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports what is unread")

FITTING = GET.replace(b"/", b"/fitting", 1)
CLOSED = FITTING + b"Connection: close\r\n\r\n"
CA = trustme.CA()


@pytest.fixture(params=["plain", "tls"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    tls = None
    if request.param == "tls":
        files = Files(tmp_path)
        files.show(CA)
        tls = CertificateReloader(TlsFiles(files.certificate, files.key))
    with serving(tls) as served:
        yield served


def asking(served: Served, request: bytes) -> socket.socket:
    """Send a request over a connection that takes little at a time."""
    client = served.connect(receive_bytes=4096)
    if served.server.tls is not None:
        client = client_context(CA).wrap_socket(client, server_hostname="localhost")
    client.sendall(request)
    return client


def unread_bytes(served: Served) -> int:
    return held_for(served.address[1]).unacknowledged


def until_closing(served: Served) -> None:
    """Wait until the server has closed its only connection, whose client has not read."""
    served.until(
        lambda: any(isinstance(each, ClosingConnection) for each in set[Any](served.connections))
    )
    assert unread_bytes(served) > FITTING_BYTES / 2


def test_a_closed_connection_counts_until_its_client_has_read(served: Served) -> None:
    with asking(served, CLOSED) as client:
        until_closing(served)

        assert len(received(client)) > FITTING_BYTES
        served.until(lambda: not served.connections)


def test_a_closed_connection_is_reset_if_its_client_does_not_read(served: Served) -> None:
    with asking(served, CLOSED) as client:
        until_closing(served)
        began = monotonic()
        served.until(lambda: not served.connections)

        assert monotonic() - began < LIMITS.send_timeout_seconds + TICK_SECONDS + 1
        assert unread_bytes(served) == 0
        with suppress(ConnectionResetError):  # Python's TLS returns what came before it
            assert len(received(client)) < FITTING_BYTES


def test_a_closed_connection_can_be_evicted(served: Served) -> None:
    with asking(served, CLOSED):
        until_closing(served)
        (closing,) = served.connections
        served.loop.call_soon_threadsafe(closing.abort)

        served.until(lambda: not served.connections)
        assert unread_bytes(served) == 0


def test_an_idle_client_that_has_not_read_is_cut_off(served: Served) -> None:
    with asking(served, FITTING + b"\r\n"):
        served.until(lambda: unread_bytes(served) > FITTING_BYTES / 2)
        began = monotonic()
        served.until(lambda: not served.connections)

        assert monotonic() - began < LIMITS.send_timeout_seconds + TICK_SECONDS + 1
        assert unread_bytes(served) == 0


def test_evicting_a_connection_discards_what_its_client_has_not_read(served: Served) -> None:
    with asking(served, FITTING + b"\r\n"):
        served.until(lambda: unread_bytes(served) > FITTING_BYTES / 2)
        (connection,) = served.connections
        served.loop.call_soon_threadsafe(connection.abort)

        served.until(lambda: not served.connections)
        assert unread_bytes(served) == 0


class Ending:
    """A connection whose end, which comes soon after its first check, ends all others."""

    def __init__(self, connections: set[Any]) -> None:
        self._connections = connections

    def enforce_limits(self, _now: float) -> None:
        """Check it."""
        assert self in self._connections
        asyncio.get_running_loop().call_soon(self._connections.clear)


@pytest.mark.anyio
async def test_a_connection_that_ends_while_others_are_checked_is_not_checked() -> None:
    server = create_server(Application(), lambda: None, LIMITS)
    connections: set[Any] = server.server_state.connections
    connections |= {Ending(connections) for _ in range(2 * CONNECTIONS_AT_ONCE)}

    await server.on_tick(0)

    assert connections == set()


def test_the_system_holds_little_for_a_client_that_does_not_read(served: Served) -> None:
    with asking(served, GET.replace(b"/", b"/large", 1) + b"\r\n"):
        served.until(lambda: unread_bytes(served) > UNSENT_BYTES / 2)

        assert unread_bytes(served) < 2 * UNSENT_BYTES
        served.until(lambda: not served.connections)
        assert unread_bytes(served) == 0

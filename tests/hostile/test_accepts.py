"""Work before identification: floods of new connections, and of TLS handshakes.

The server has one processor, the flood and a regular client the other. The regular client opens a
new connection for each request, from an address of its own.
"""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.auth.made import make_key
from tests.authorities import client_context
from tests.hostile.addresses import CLIENT, SERVER, backlog_overflows, many_addresses
from tests.hostile.conftest import FLOODS
from tests.hostile.flood import compiled, on_processor
from tests.hostile.newcomer import Newcomer
from tests.hostile.process import Target, running_target


SECONDS = 6
CONNECTS, HANDSHAKES = 5000, 300
"""New connections and TLS handshakes per second."""
HELD = 4000
"""Connections that the flood keeps open, as far as the server does."""
SLOWER_SECONDS = 0.25
"""What the flood may add to the regular client's slowest request."""
OVERFLOWS = CONNECTS * SECONDS // 10
"""Handshakes that the kernel may ignore: other programs sometimes stop the server for a second."""
QUIET_REQUESTS = 50
CONNECTS_BUSY = 0.75
"""The part of a processor that the flood of connects and the regular client may cost together."""
HANDSHAKES_BUSY = 0.6
"""That of handshakes and the regular client; handshakes alone may use a quarter."""


FLOODED_FROM = pytest.mark.parametrize("sources", [1, 250], ids=["one address", "250 addresses"])


class Accepting:
    """A server that requires a key, in a network of many addresses, and what attacks it."""

    def __init__(self, target: Target, key: str, program: Path, tls: ssl.SSLContext | None) -> None:
        self.target, self._key, self._program, self._tls = target, key, program, tls

    def newcomer(self) -> Newcomer:
        """Return the regular client."""
        return Newcomer(self.target.port, self._key, CLIENT, self._tls)

    def quiet(self) -> float:
        """Return the regular client's slowest request without a flood."""
        client = self.newcomer()
        for _ in range(QUIET_REQUESTS):
            client.ask()
        assert client.failures == []
        return client.slowest

    def flood(self, sources: int, per_second: int, sent: bytes = b"") -> Any:
        """Open connections for some seconds, and return the outcomes."""
        words = [SERVER, self.target.port, sources, per_second, SECONDS, HELD, sent.hex()]
        flood = [str(self._program), *map(str, words)]
        done = subprocess.run(flood, capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accepting]:
    with ExitStack() as stack:
        yield _served(stack, tmp_path_factory.mktemp("accepts"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accepting]:
    """The same over TLS, with a key whose signatures are expensive."""
    folder = tmp_path_factory.mktemp("handshakes")
    certificate = folder / "server.pem"
    certificate.write_bytes(_rsa_4096())
    with ExitStack() as stack:
        yield _served(stack, folder, client_context(), tls_certificate_file=certificate)


def _served(
    stack: ExitStack, folder: Path, tls: ssl.SSLContext | None = None, **settings: object
) -> Accepting:
    key = make_key(folder / "keys.json", "sa:read")
    program = compiled(folder, "connects")
    stack.enter_context(many_addresses())
    with on_processor(0):
        target = stack.enter_context(
            running_target(
                host="0.0.0.0",  # noqa: S104  # of a network that nobody else is in
                allow_insecure=tls is None,
                api_keys_file=folder / "keys.json",
                simulated_churn=0,
                refresh_interval_seconds=3600,
                **settings,
            )
        )
    stack.enter_context(on_processor(1))
    return Accepting(target, key, program, tls)


@FLOODED_FROM
def test_silent_connects_keep_nobody_out(
    served: Accepting, request: pytest.FixtureRequest, sources: int
) -> None:
    """A distant client is out when the kernel ignores its handshake because the backlog is full."""
    quiet, client, overflows = served.quiet(), served.newcomer(), backlog_overflows()
    spent = served.target.processor_seconds()
    with client:
        report = served.flood(sources, CONNECTS)
    busy = (served.target.processor_seconds() - spent) / report["seconds"]
    overflows = backlog_overflows() - overflows

    _record(request, report, client, quiet, busy, f"{overflows} overflows")
    assert report["opened"] == CONNECTS * SECONDS
    assert overflows < OVERFLOWS
    assert client.failures == []
    assert client.slowest < quiet + SLOWER_SECONDS
    assert busy < CONNECTS_BUSY


@FLOODED_FROM
def test_handshakes_leave_the_processor_to_others(
    secured: Accepting, request: pytest.FixtureRequest, sources: int
) -> None:
    """The flood sends a ClientHello, for which the server signs, and resets the connection."""
    quiet, client = secured.quiet(), secured.newcomer()
    spent = secured.target.processor_seconds()
    with client:
        report = secured.flood(sources, HANDSHAKES, _client_hello())
    busy = (secured.target.processor_seconds() - spent) / report["seconds"]

    _record(request, report, client, quiet, busy, f"{report['answered']} signed")
    assert report["opened"] == HANDSHAKES * SECONDS
    assert client.failures == []
    assert client.slowest < quiet + SLOWER_SECONDS
    assert busy < HANDSHAKES_BUSY


def _record(
    request: pytest.FixtureRequest,
    report: Any,
    client: Newcomer,
    quiet: float,
    busy: float,
    more: str,
) -> None:
    kind = request.node.originalname.split("_")[1]
    FLOODS.append(
        f"{kind}, {request.node.callspec.id:16} {report['opened']:6} opened, {more}, "
        f"{busy * 100:3.0f} % busy, {len(client.seconds)} new clients: "
        f"slowest {quiet * 1e3:.0f}, {client.slowest * 1e3:.0f} ms, {len(client.failures)} failed"
    )


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client_context().wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def _rsa_4096() -> bytes:
    """Return a key and its certificate, in PEM."""
    key = rsa.generate_private_key(65537, 4096)
    name, now = x509.Name.from_rfc4514_string("CN=localhost"), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=60))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

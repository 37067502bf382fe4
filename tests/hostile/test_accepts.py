"""Work before identification: floods of new connections, and of TLS handshakes.

The server has one processor, the flood and a regular client the other. The regular client opens a
new connection for each request, from an address of its own. Without a distance, all are in a
network of many addresses, because loopback's have no limits.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
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
from tests.hostile.addresses import HERE, backlog_overflows, many_addresses
from tests.hostile.conftest import FLOODS, LatencyExceeded, waits_less
from tests.hostile.distance import Reach, near_and_far
from tests.hostile.flood import away_from_server, compiled, on_processor
from tests.hostile.newcomer import Newcomer
from tests.hostile.process import ROOT, Target, processor_seconds, running_target


SECONDS = 6
CONNECTS, HANDSHAKES = 5000, 300
"""New connections and TLS handshakes per second."""
HELD = 4000
"""Connections that the flood keeps open, as far as the server does."""
SLOWER_SECONDS = 0.25
"""What the flood may add to the regular client's slowest request."""
OVERFLOWS = CONNECTS * SECONDS // 10
"""Handshakes that the kernel may ignore: other programs sometimes stop the server for a second."""
QUIET_REQUESTS, DISTANT_QUIET_REQUESTS = 50, 10
CONNECT_COST = 8
"""What a silent connection may cost, and the regular client's requests, as a multiple of what
accepting and resetting a connection costs on the same processor."""
HANDSHAKES_BUSY = 0.6
"""That of handshakes and the regular client; handshakes alone may use a quarter."""


FLOODED_FROM = pytest.mark.parametrize("sources", [1, 250], ids=["one address", "250 addresses"])


class Accepting:
    """A server that requires a key, in a network of many addresses, and what attacks it."""

    def __init__(self, target: Target, key: str, program: Path, tls: ssl.SSLContext | None) -> None:
        self.target, self._key, self._program, self._tls = target, key, program, tls

    def newcomer(self) -> Newcomer:
        """Return the regular client."""
        return Newcomer(self.target, self._key, self._tls, self.target.reach.client)

    def quiet(self) -> float:
        """Return the regular client's slowest request without a flood."""
        client = self.newcomer()
        is_distant = self.target.reach.is_distant
        for _ in range(DISTANT_QUIET_REQUESTS if is_distant else QUIET_REQUESTS):
            client.ask()
        assert client.failures == []
        return client.slowest

    def flood(
        self, sources: int, per_second: int, sent: bytes = b"", port: int | None = None
    ) -> Any:
        """Open connections for some seconds, and return the outcomes; by default, to the target."""
        reach = self.target.reach
        words = [reach.address, port or self.target.port, reach.sources[0], sources]
        words += [per_second, SECONDS, HELD, sent.hex()]
        flood = [str(self._program), *map(str, words)]
        done = subprocess.run(flood, capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def served(reach: Reach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accepting]:
    with ExitStack() as stack:
        yield _served(stack, reach, tmp_path_factory.mktemp("accepts"))


@pytest.fixture(scope="module")
def secured(reach: Reach, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accepting]:
    """The same over TLS, with a key whose signatures are expensive."""
    folder = tmp_path_factory.mktemp("handshakes")
    certificate = folder / "server.pem"
    certificate.write_bytes(_rsa_4096())
    with ExitStack() as stack:
        yield _served(stack, reach, folder, client_context(), tls_certificate_file=certificate)


@pytest.fixture(scope="module")
def accept_busy(served: Accepting) -> float:
    """Return the part of a processor that accepting and resetting as many connections takes."""
    reach = served.target.reach
    with (
        on_processor(0),
        subprocess.Popen(
            [*reach.launcher, sys.executable, "-m", "tests.hostile.accepting", reach.address],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as bare,
    ):
        try:
            assert bare.stdout is not None
            port = int(bare.stdout.readline())
            spent = processor_seconds(bare.pid)
            with on_processor(1):
                report = served.flood(250, CONNECTS, port=port)
            return (processor_seconds(bare.pid) - spent) / float(report["seconds"])
        finally:
            bare.kill()


def _served(
    stack: ExitStack,
    reach: Reach,
    folder: Path,
    tls: ssl.SSLContext | None = None,
    **settings: object,
) -> Accepting:
    key = make_key(folder / "keys.json", "sa:read")
    program = compiled(folder, "connects")
    if not reach.is_distant:
        stack.enter_context(many_addresses())
        reach = HERE
    with on_processor(0):
        target = stack.enter_context(
            running_target(
                reach,
                allow_insecure=True,  # a certificate of its own, if any
                api_keys_file=folder / "keys.json",
                simulated_churn=0,
                refresh_interval_seconds=3600,
                **settings,
            )
        )
    stack.enter_context(away_from_server(reach))
    stack.enter_context(on_processor(1))
    return Accepting(target, key, program, tls)


@near_and_far
@FLOODED_FROM
def test_silent_connects_keep_nobody_out(
    served: Accepting, accept_busy: float, request: pytest.FixtureRequest, sources: int
) -> None:
    """A distant client is out when the kernel ignores its handshake because the backlog is full."""
    quiet, client = served.quiet(), served.newcomer()
    process = served.target.reach.process
    overflows = backlog_overflows(process)
    spent = served.target.processor_seconds()
    with client:
        report = served.flood(sources, CONNECTS)
    busy = (served.target.processor_seconds() - spent) / report["seconds"]
    overflows = backlog_overflows(process) - overflows

    _record(
        request,
        report,
        client,
        quiet,
        busy,
        f"{overflows} overflows, {busy / accept_busy:.1f} times an accept",
    )
    assert report["opened"] == CONNECTS * SECONDS
    if overflows >= OVERFLOWS:
        raise LatencyExceeded(f"{overflows} handshakes ignored, limit {OVERFLOWS}")
    assert client.failures == []
    waits_less("slowest", client.slowest, quiet + SLOWER_SECONDS)
    assert busy < CONNECT_COST * accept_busy


@near_and_far
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
    waits_less("slowest", client.slowest, quiet + SLOWER_SECONDS)
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

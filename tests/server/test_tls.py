"""TLS from the client's side: real handshakes with a server in a thread of this process."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import sys
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from struct import pack
from time import monotonic
from typing import Any

import httpx2
import pytest
import trustme

from app.files import watching
from app.server.protocol import LINGER_SECONDS, SLICE_BYTES, LimitedH11Protocol
from app.server.tls.certificates import CertificateReloader, HandshakeOutcome, TlsFiles
from app.server.tls.protocol import HIGH_WATER
from tests.authorities import DAY, NOW, Files, client_context
from tests.server.test_connection_limits import (
    BODY,
    GET,
    LAST,
    LIMITS,
    TICK_SECONDS,
    Served,
    problem,
    received,
    serving,
)
from tests.server.test_connection_limits import (
    HIGH_WATER as TCP_HIGH_WATER,
)


CA = trustme.CA()
CLIENTS = trustme.CA()
OTHERS = trustme.CA()
RESET = (ConnectionError, ssl.SSLError)
"""How a client may learn that it is rejected."""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.show(CA)
    return files


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.02)


@pytest.fixture
def served(files: Files) -> Iterator[Served]:
    with serving(CertificateReloader(TlsFiles(files.certificate, files.key))) as served:
        yield served


@pytest.fixture
def asking(files: Files) -> Iterator[Served]:
    """A server that asks for certificates of clients."""
    files.trust([CLIENTS])
    with serving(
        CertificateReloader(TlsFiles(files.certificate, files.key, files.client_ca))
    ) as served:
        yield served


def secured(
    served: Served, context: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    context = context or client_context(CA)
    return context.wrap_socket(
        served.connect(), server_hostname="localhost", session=session, suppress_ragged_eofs=True
    )


def ask(served: Served, context: ssl.SSLContext | None = None) -> bytes:
    """Send a request on a new connection and return the response."""
    with secured(served, context) as client:
        client.sendall(LAST + b"\r\n")
        return received(client)


def assert_rejected(served: Served, context: ssl.SSLContext, outcome: HandshakeOutcome) -> None:
    """Return whether the client is rejected; with TLS 1.3, it learns so only when it reads."""
    with pytest.raises(ssl.SSLError, match=r"ALERT|CERTIFICATE_VERIFY_FAILED"):
        ask(served, context)
    served.until(lambda: outcome in served.outcomes)
    assert served.outcomes == [outcome]
    assert_forgotten(served)
    assert served.application.begun == 0


def assert_forgotten(served: Served) -> None:
    served.until(lambda: not served.connections and not served.server.server_state.tasks)
    protocol: Any = served.server.config.http
    assert len(protocol.args[2]) == 0


def assert_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Check that the log has only the server's start, and requests."""
    usual = ("app.server.uvicorn_server", "uvicorn.error", "uvicorn.access")
    assert [r for r in caplog.records if r.name not in usual or r.levelname != "INFO"] == []


def serial(client: ssl.SSLSocket) -> str:
    certificate = client.getpeercert()
    assert certificate is not None
    return str(certificate["serialNumber"]).lower().lstrip("0")


def until_shown(served: Served, number: str) -> None:
    tls = served.server.tls
    assert tls is not None
    served.until(lambda: tls.certificate.serial == number)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_is_answered_over_tls(served: Served, version: ssl.TLSVersion) -> None:
    answer = ask(served, client_context(CA, version=version))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"here")
    assert served.outcomes == [HandshakeOutcome.SECURED]
    assert_forgotten(served)


def test_log_names_the_address_as_https(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    url = f"https://127.0.0.1:{served.address[1]}"

    served.until(lambda: url in caplog.text + str(caplog.get_records("setup")))


def test_a_client_that_knows_the_authority_needs_nothing_else(served: Served) -> None:
    with httpx2.Client(verify=client_context(CA)) as client:
        answer = client.get(f"https://localhost:{served.address[1]}/")

    assert answer.text == "here"


def test_a_client_that_does_not_trust_the_server_is_counted_as_such(served: Served) -> None:
    assert_rejected(served, client_context(OTHERS), HandshakeOutcome.REJECTED_BY_CLIENT)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_rejected(served: Served, version: ssl.TLSVersion) -> None:
    assert_rejected(served, client_context(version=version), HandshakeOutcome.PROTOCOL)


@pytest.mark.parametrize(
    "suite", ["AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384"]
)
def test_suites_without_forward_secrecy_or_aead_are_rejected(served: Served, suite: str) -> None:
    context = client_context(version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(suite)

    assert_rejected(served, context, HandshakeOutcome.PROTOCOL)


def test_plain_http_is_closed_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = served.connect(GET + b"\r\n")

    with suppress(ConnectionError):
        assert b"HTTP" not in received(client)
    served.until(lambda: served.outcomes == [HandshakeOutcome.PROTOCOL])
    assert_forgotten(served)
    assert_silent(caplog)


# The Proactor loop leaves connections reset before they are accepted to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_left_at_once_is_forgotten_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(200):
        client = served.connect()
        with client, suppress(ConnectionError):
            client.sendall(GET + b"\r\n" if number % 2 else b"\x16\x03\x01\x02\x00")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))

    began, answer = monotonic(), b""
    while not answer.endswith(b"here"):  # connections waiting to be accepted still take its place
        assert monotonic() < began + 10
        with suppress(*RESET):
            answer = ask(served)
    assert_forgotten(served)
    assert_silent(caplog)
    gc.collect()


def test_a_client_that_does_not_stop_after_its_handshake_failed_is_cut_off(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = served.connect()
    began = monotonic()

    with suppress(ConnectionError):
        while monotonic() < began + 10:
            client.sendall(b"a" * 1024)

    assert LINGER_SECONDS - 1 < monotonic() - began < LINGER_SECONDS + TICK_SECONDS
    served.until(lambda: served.outcomes == [HandshakeOutcome.PROTOCOL])
    assert_silent(caplog)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_with_a_certificate_is_let_in(asking: Served, version: ssl.TLSVersion) -> None:
    context = client_context(CA, CLIENTS.issue_cert("client@example.test"), version)

    assert ask(asking, context).endswith(b"here")
    assert asking.outcomes == [HandshakeOutcome.SECURED]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "shown",
    [
        None,
        CLIENTS.issue_cert("late", not_before=NOW - 9 * DAY, not_after=NOW - DAY),
        CLIENTS.issue_cert("early", not_before=NOW + DAY, not_after=NOW + 9 * DAY),
        OTHERS.issue_cert("client@example.test"),
    ],
    ids=["none", "expired", "not yet", "foreign"],
)
def test_a_client_without_a_good_certificate_is_rejected(
    asking: Served,
    shown: trustme.LeafCert | None,
    version: ssl.TLSVersion,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert_rejected(asking, client_context(CA, shown, version), HandshakeOutcome.CLIENT_CERTIFICATE)
    assert_silent(caplog)


def test_new_connections_see_a_new_certificate_and_open_ones_live_on(
    served: Served, files: Files
) -> None:
    with secured(served) as client:
        old = serial(client)
        new = files.show(CA)
        until_shown(served, new)

        client.sendall(LAST + b"\r\n")
        assert received(client).endswith(b"here")
    with secured(served) as client:
        assert serial(client) == new != old


def test_a_bad_certificate_leaves_the_old_one(
    served: Served, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    with secured(served) as client:
        old = serial(client)
    whole = files.certificate.read_bytes()
    files.certificate.write_bytes(whole[: len(whole) // 2])
    served.until(lambda: "certificate_not_reloaded" in caplog.text)

    with secured(served) as client:
        assert serial(client) == old
    new = files.show(CA)
    until_shown(served, new)
    assert caplog.text.count("certificate_not_reloaded") == 1


def test_clients_of_an_authority_that_is_gone_are_rejected(asking: Served, files: Files) -> None:
    """An earlier session must not help: resuming it would send no certificate."""
    known = client_context(CA, CLIENTS.issue_cert("a"), ssl.TLSVersion.TLSv1_2)
    other = client_context(CA, OTHERS.issue_cert("b"))
    with secured(asking, known) as client:
        client.sendall(LAST + b"\r\n")
        assert received(client).endswith(b"here")
        session = client.session
    assert session is not None
    with secured(asking, known, session) as client:
        assert client.session_reused  # a session to resume exists
    files.trust([OTHERS])
    tls = asking.server.tls
    assert tls is not None
    before = tls.context
    asking.until(lambda: tls.context is not before)

    assert ask(asking, other).endswith(b"here")
    with pytest.raises(RESET):
        secured(asking, known, session).recv(1)
    asking.until(lambda: asking.outcomes[-1] is HandshakeOutcome.CLIENT_CERTIFICATE)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_can_be_resumed(served: Served, version: ssl.TLSVersion) -> None:
    context = client_context(CA, version=version)
    with secured(served, context) as client:
        client.sendall(LAST + b"\r\n")
        received(client)  # with TLS 1.3 the ticket arrives with the response
        session = client.session

    with secured(served, context, session) as client:
        assert client.session_reused
        client.sendall(LAST + b"\r\n")
        assert received(client).endswith(b"here")


def test_client_certificates_are_needed_for_each_session(asking: Served) -> None:
    context = client_context(CA, CLIENTS.issue_cert("client"), ssl.TLSVersion.TLSv1_3)
    with secured(asking, context) as client:
        client.sendall(LAST + b"\r\n")
        received(client)

        assert client.session is None or not client.session.has_ticket


def test_a_handshake_has_as_long_as_a_connection_may_be_idle(served: Served) -> None:
    began = monotonic()
    client = served.connect(b"\x16\x03\x01\x02\x00")  # the head of a ClientHello
    served.until(lambda: len(served.connections) == 1)

    with suppress(ConnectionError):
        assert received(client) == b""
    assert 0 <= monotonic() - began - LIMITS.keepalive_timeout_seconds < TICK_SECONDS
    served.until(lambda: served.outcomes == [HandshakeOutcome.TIMEOUT])
    assert_forgotten(served)


def test_handshakes_are_connections_and_may_be_evicted(served: Served) -> None:
    stalled = [served.connect() for _ in range(3 * LIMITS.max_connections)]

    served.until(lambda: len(served.outcomes) >= 2 * LIMITS.max_connections)
    assert len(served.connections) <= LIMITS.max_connections
    assert ask(served).endswith(b"here")
    assert set(served.outcomes) == {HandshakeOutcome.LOST, HandshakeOutcome.SECURED}
    assert len(stalled) == 3 * LIMITS.max_connections


def test_handshakes_are_in_the_share_of_their_address(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.idle_connections.is_loopback", lambda _network: False)
    tls = CertificateReloader(TlsFiles(files.certificate, files.key))
    with serving(tls, replace(LIMITS, max_connections_per_address=2)) as served:
        with secured(served) as known:
            known.sendall(GET + b"\r\n")
            assert known.recv(4096).startswith(b"HTTP/1.1 200 ")
            stalled = [served.connect() for _ in range(3)]
            served.until(
                lambda: served.outcomes == [HandshakeOutcome.SECURED, *[HandshakeOutcome.LOST] * 2]
            )
            assert len(served.connections) == 2

            known.sendall(LAST + b"\r\n")
            assert b"HTTP/1.1 200 " in received(known)
        assert received(stalled[0]) == b""


def test_one_too_many_is_rejected_over_tls(served: Served) -> None:
    waiting = b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    clients = []
    for _ in range(LIMITS.max_connections):
        client = secured(served)
        client.sendall(waiting)
        clients.append(client)
    served.until(lambda: served.application.begun == LIMITS.max_connections)

    rejection = problem(ask(served))

    assert (rejection["status"], rejection["code"]) == (503, "too_many_connections")
    served.go_on()
    for client in clients:
        with client:
            assert received(client).endswith(b"here")


def test_what_is_rejected_is_rejected_with_a_problem(served: Served) -> None:
    with secured(served) as client:
        client.sendall(GET + b"Content-Length: 99999\r\n\r\n" + b"a" * 99999)
        answer = received(client)

    assert problem(answer)["code"] == "content_too_large"
    assert b"\r\nstrict-transport-security: max-age=" in answer
    assert_forgotten(served)


def test_a_silent_client_is_left(served: Served) -> None:
    with secured(served) as client:
        began = monotonic()
        assert received(client) == b""
        assert 0 <= monotonic() - began - LIMITS.keepalive_timeout_seconds < TICK_SECONDS


def test_a_client_that_does_not_answer_the_closing_is_cut_off(files: Files) -> None:
    """It is checked several times meanwhile, which must not harm the server."""
    tls = CertificateReloader(TlsFiles(files.certificate, files.key))
    with serving(
        tls, replace(LIMITS, keepalive_timeout_seconds=1, send_timeout_seconds=4)
    ) as served:
        began = monotonic()
        with secured(served):
            served.until(lambda: not served.connections)
        assert 4 < monotonic() - began < 5 + TICK_SECONDS

        assert ask(served).endswith(b"here")


def test_a_client_that_does_not_read_costs_little_and_not_for_long(served: Served) -> None:
    raw = served.connect(receive_bytes=4096)
    with client_context(CA).wrap_socket(raw, server_hostname="localhost") as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        served.until(lambda: any(c.transport.get_write_buffer_size() for c in served.connections))
        (connection,) = served.connections
        began = monotonic()

        # Encryption adds a little.
        most = (HIGH_WATER + TCP_HIGH_WATER + SLICE_BYTES) * 1.1
        assert connection.transport.get_write_buffer_size() <= most
        served.until(lambda: not served.connections)
        assert monotonic() - began - LIMITS.send_timeout_seconds < TICK_SECONDS + 1


@pytest.mark.skipif(sys.platform == "win32", reason="the event loop of Linux does")
def test_a_reset_while_the_rest_of_a_response_is_sent_ends_a_connection_once(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio would end it twice, and fail at the second time (CPython issue 156512)."""
    resets: list[bool] = []
    resume = SSLProtocol.resume_writing

    def reset_and_resume(protocol: Any) -> None:
        carrier = protocol._transport  # noqa: SLF001
        carrier._buffer.clear()  # noqa: SLF001  # as if all was sent: the next write fails at once
        carrier.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        resets.append(True)
        resume(protocol)

    monkeypatch.setattr(SSLProtocol, "resume_writing", reset_and_resume)
    with secured(served) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        with suppress(*RESET):
            while client.recv(1 << 16):
                pass
        served.until(lambda: not served.connections)

    assert resets == [True]
    assert ask(served).endswith(b"here")
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_nothing_more_is_written_to_a_client_that_left(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio's TLS transport does not say that the connection beneath it is closing."""
    with secured(served) as client:
        client.sendall(b"GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))

    served.application.client_left.set()

    served.until(lambda: not served.server.server_state.tasks)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_a_connection_that_is_closed_twice_harms_no_other(served: Served) -> None:
    """A second close makes asyncio's TLS transport unusable; uvicorn closes it after an abort."""

    async def close_twice(connection: LimitedH11Protocol) -> None:
        for _ in range(2):
            connection.transport.close()
        connection.enforce_limits(served.loop.time())

    with secured(served) as client:
        client.sendall(GET + b"\r\n")
        assert received(client)
        (connection,) = served.connections
        asyncio.run_coroutine_threadsafe(close_twice(connection), served.loop).result(10)
        served.until(lambda: not served.connections)
    assert ask(served).startswith(b"HTTP/1.1 200 ")


def test_a_large_answer_comes_whole(served: Served) -> None:
    with secured(served) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = received(client)

    assert answer.endswith(BODY)


def test_small_answers_are_sent_at_once(served: Served) -> None:
    with secured(served):
        served.until(lambda: any(isinstance(c, LimitedH11Protocol) for c in served.connections))
        (connection,) = served.connections
        tcp: socket.socket = connection.transport.get_extra_info("socket")
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_server_stops_amid_handshakes(files: Files) -> None:
    with serving(CertificateReloader(TlsFiles(files.certificate, files.key))) as served:
        served.connect()
        served.until(lambda: len(served.connections) == 1)
        began = monotonic()
    assert monotonic() - began < 2

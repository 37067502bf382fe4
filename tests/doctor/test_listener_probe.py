"""A server that asks for certificates is distinguished from other programs on its port."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import trustme
from sa_contexts_simulator import Simulator

from app.doctor.probes.listener import asks_for_certificates
from app.schemas.doctor import Outcome
from app.server.tls.certificates import CertificateReloader, TlsFiles
from tests.authorities import Files
from tests.cli.served import served
from tests.doctor.run import examine_here


CA = trustme.CA()


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator) -> None:
    """What is left of a test goes with it."""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.show(CA)
    files.key.chmod(0o600)
    files.trust([CA])
    return files


@contextmanager
def serving(files: Files) -> Iterator[int]:
    """A server that asks clients for certificates; gives its port."""
    tls = CertificateReloader(TlsFiles(files.certificate, files.key, files.client_ca))
    with served(contexts=1, tls=tls) as port:
        yield port


@contextmanager
def patient(files: Files) -> Iterator[int]:
    """Another program with the same certificate, which asks for none and waits to be asked."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)  # nothing comes until the client gives up

        thread = Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_our_own_server_that_asks_for_certificates_takes_no_port_from_us(
    files: Files,
) -> None:
    with serving(files) as port:
        run = examine_here(
            port=str(port),
            tls_certificate_file=str(files.certificate),
            tls_key_file=str(files.key),
            tls_client_ca_file=str(files.client_ca),
        )

    assert (run.code, run.finding("port").outcome) == (0, Outcome.OK)
    assert "certificate" in run.finding("port").sentence


def test_a_server_with_another_certificate_is_not_ours(files: Files, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Files(tmp_path / "other")
    other.show(CA)
    with serving(files) as port:
        assert asks_for_certificates("127.0.0.1", port, files.certificate)
        assert not asks_for_certificates("127.0.0.1", port, other.certificate)
        assert not asks_for_certificates("127.0.0.1", port, tmp_path / "absent.pem")


def test_a_server_that_asks_for_none_is_not_recognized_by_its_certificate(files: Files) -> None:
    with patient(files) as port:
        assert not asks_for_certificates("127.0.0.1", port, files.certificate)


def test_what_speaks_no_tls_is_not_ours(files: Files) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not asks_for_certificates("127.0.0.1", listener.getsockname()[1], files.certificate)

"""The certificate's check, on files that a real authority could have made."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from sa_contexts_simulator import Simulator

from app.schemas.doctor import Outcome
from app.server.tls.certificates import EXPIRES_SOON
from tests.doctor.run import Run, examine, examine_here


DAY = timedelta(days=1)
WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505  # that is what is wrong


def make_certificate(
    folder: Path,
    begins: timedelta = -DAY,
    ends: timedelta = 90 * DAY,
    names: tuple[str, ...] = ("127.0.0.1", "*.corp.example"),
    encryption: KeySerializationEncryption | None = None,
    private_key: rsa.RSAPrivateKey | None = None,
) -> tuple[Path, Path]:
    """A certificate and its key, in files."""
    key, now = private_key or ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web01")])
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    if names:
        general = [
            x509.DNSName(each) if each[-1].isalpha() else x509.IPAddress(ip_address(each))
            for each in names
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    certificate, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    )
    key_file.chmod(0o600)
    return certificate, key_file


def examined(certificate: Path, key: Path, *arguments: str) -> Run:
    return examine_here(*arguments, tls_certificate_file=str(certificate), tls_key_file=str(key))


def examined_apart(certificate: Path, key: Path) -> Run:
    return examine(tls_certificate_file=str(certificate), tls_key_file=str(key))


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator) -> None:
    """What is left of a test goes with it."""


def assert_that_it_alone_fails(run: Run, expected: str) -> None:
    assert (run.code, run.failures, run.warnings) == (1, {"certificate"}, set())
    assert expected in run.finding("certificate").sentence
    assert "PRIVATE" not in run.output.replace("BEGIN PRIVATE KEY", "")


def test_a_certificate_that_is_well_is_found_so(tmp_path: Path) -> None:
    run = examined(*make_certificate(tmp_path))

    assert (run.code, run.finding("certificate").outcome) == (0, Outcome.OK)
    assert run.finding("certificate").facts["names"] == ["*.corp.example", "127.0.0.1"]


@pytest.mark.parametrize(("bits", "outcome"), [(2048, Outcome.OK), (3072, Outcome.WARNING)])
def test_long_rsa_key_is_reported_with_its_cost(
    tmp_path: Path, bits: int, outcome: Outcome
) -> None:
    key = rsa.generate_private_key(65537, bits)
    finding = examined(*make_certificate(tmp_path, private_key=key)).finding("certificate")

    assert finding.outcome == outcome
    milliseconds = finding.facts["handshakeMilliseconds"]
    assert isinstance(milliseconds, float)
    assert milliseconds > 0
    assert ("RSA" in finding.sentence) == (outcome is Outcome.WARNING)
    assert ("P-256" in str(finding.remedy)) == (outcome is Outcome.WARNING)


def test_one_that_expired_is_reported(tmp_path: Path) -> None:
    run = examined_apart(*make_certificate(tmp_path, -9 * DAY, -DAY))

    assert_that_it_alone_fails(run, "expired")
    ended = str(run.finding("certificate").facts["notAfter"])
    assert datetime.fromisoformat(ended) < datetime.now(UTC)


def test_one_of_tomorrow_is_reported(tmp_path: Path) -> None:
    assert_that_it_alone_fails(examined(*make_certificate(tmp_path, DAY)), "not valid before")


def test_another_ones_key_is_reported(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certificate, _ = make_certificate(tmp_path)
    _, key = make_certificate(tmp_path / "other")

    assert_that_it_alone_fails(
        examined_apart(certificate, key), "does not belong to the certificate"
    )


def test_what_is_not_pem_is_reported(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    text = tmp_path / "text.pem"
    text.write_text("hello", encoding="ascii")

    assert_that_it_alone_fails(examined_apart(text, key), "holds no certificate in PEM")
    assert_that_it_alone_fails(examined(certificate, text), "holds no private key in PEM")
    assert_that_it_alone_fails(examined(tmp_path / "absent.pem", key), "cannot be read")


def test_weak_key_and_bad_client_ca_fail_as_in_the_server(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, private_key=WEAK)
    assert_that_it_alone_fails(examined(certificate, key), "too short to be safe")

    certificate, key = make_certificate(tmp_path)
    run = examine_here(
        tls_certificate_file=str(certificate),
        tls_key_file=str(key),
        tls_client_ca_file=str(tmp_path / "absent.pem"),
    )
    assert_that_it_alone_fails(run, "tls_client_ca_file cannot be read")


def test_a_key_with_a_password_is_reported(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, encryption=BestAvailableEncryption(b"hunter2"))

    assert_that_it_alone_fails(examined(*files), "password")


@pytest.mark.parametrize(
    ("ends", "names", "expected"),
    [
        (5 * DAY, ("127.0.0.1",), "expires on"),
        (EXPIRES_SOON - DAY, ("127.0.0.1",), "expires on"),
        (90 * DAY, (), "names no host"),
        (90 * DAY, ("web01.corp.example",), "not for 127.0.0.1"),
    ],
)
def test_what_will_fail_for_some_is_reported(
    tmp_path: Path, ends: timedelta, names: tuple[str, ...], expected: str
) -> None:
    run = examined(*make_certificate(tmp_path, ends=ends, names=names))

    assert (run.code, run.warnings) == (3, {"certificate"})
    assert expected in run.finding("certificate").sentence


@pytest.mark.skipif(os.name == "nt", reason="Windows has rights, and no modes")
def test_a_key_that_others_may_read_is_reported(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    key.chmod(0o644)

    run = examined(certificate, key)

    assert (run.code, run.warnings) == (3, {"certificate"})


def test_its_names_are_masked(tmp_path: Path) -> None:
    run = examined(*make_certificate(tmp_path, names=("127.0.0.1", "vpn7.corp.example")), "--mask")

    assert run.code == 0
    assert "corp" not in run.output
    assert "127.0.0.1" in run.output


def test_names_that_it_is_not_for_are_masked(tmp_path: Path) -> None:
    run = examined(
        *make_certificate(tmp_path, names=("vpn7.corp.example",)), "--mask", "--host", "localhost"
    )

    assert run.warnings == {"certificate"}
    assert "corp" not in run.output

"""The TLS files: which are accepted, why others are rejected, and what is logged."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from prometheus_client import CollectorRegistry

from app.server.tls.certificates import CertificateReloader, TlsError, TlsFiles, read_certificate
from app.server.tls.metrics import TlsMetrics
from tests.authorities import DAY, NOW, Files


CA = trustme.CA()
CLIENTS = trustme.CA()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.show(CA)
    files.trust([CLIENTS])
    return files


def tls_of(files: Files) -> CertificateReloader:
    return CertificateReloader(TlsFiles(files.certificate, files.key, files.client_ca))


def encrypt(files: Files) -> None:
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"secret")
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def replace_key(files: Files) -> None:
    files.key.write_bytes(CA.issue_cert("x").private_key_pem.bytes())


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def weaken(files: Files) -> None:
    """Sign a key that is too short to be trusted."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505  # that is the point
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(key, hashes.SHA256())
    )
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


BAD: list[tuple[str, Callable[[Files], object], str]] = [
    ("no certificate", lambda f: f.certificate.unlink(), "tls_certificate_file cannot be read: "),
    ("no key", lambda f: f.key.unlink(), "tls_key_file cannot be read: "),
    ("no ca", lambda f: f.client_ca.unlink(), "tls_client_ca_file cannot be read: "),
    ("folder", lambda f: make_folder(f.certificate), "tls_certificate_file cannot be read: "),
    ("folder of key", lambda f: make_folder(f.key), "tls_key_file "),
    ("half", lambda f: cut(f.certificate), "tls_certificate_file holds no certificate in PEM"),
    (
        "half a key",
        lambda f: cut(f.key),
        "tls_key_file holds no private key in PEM that can be used",
    ),
    (
        "encrypted",
        encrypt,
        "tls_key_file holds no private key in PEM that can be used without a passw",
    ),
    ("half a ca", lambda f: cut(f.client_ca), "tls_client_ca_file holds no certificate in PEM"),
    ("other key", replace_key, "the key does not belong to the certificate"),
    ("weak key", weaken, "the certificate's key is too short to be safe"),
    (
        "ca that is none",
        lambda f: f.client_ca.write_bytes(CLIENTS.issue_cert("x").cert_chain_pems[0].bytes()),
        "tls_client_ca_file holds no certificate of an authority",
    ),
]


@pytest.mark.parametrize(("spoil", "reason"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_files_are_rejected_with_a_reason_and_nothing_of_them(
    files: Files, spoil: Callable[[Files], object], reason: str
) -> None:
    spoil(files)

    with pytest.raises(TlsError, match="^" + reason) as caught:
        tls_of(files)

    assert "BEGIN" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        *(b[1:] for b in BAD),
        (lambda f: f.show(CA, days=-1 / 24), "the certificate has expired"),
        (lambda f: f.show(CA, begins=NOW + DAY), "the certificate is not valid yet"),
    ],
    ids=[*(b[0] for b in BAD), "expired", "not valid yet"],
)
def test_a_bad_change_keeps_what_there_is_and_is_reported_once(
    files: Files,
    spoil: Callable[[Files], object],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tls = tls_of(files)
    before = tls.certificate, tls.context
    caplog.clear()

    spoil(files)
    tls.poll()
    assert caplog.records == []  # the files may be half replaced
    for _ in range(3):
        tls.poll()

    assert (tls.certificate, tls.context) == before
    (entry,) = [record for record in caplog.records if "not_reloaded" in record.getMessage()]
    assert entry.levelname == "WARNING"
    assert reason in str(entry.msg)


def test_a_metric_says_whether_the_files_are_in_use(files: Files) -> None:
    """An authority removed by an invalid file stays trusted."""
    registry = CollectorRegistry()
    tls = tls_of(files)
    TlsMetrics(tls, registry)
    values = [registry.get_sample_value("sa_contexts_tls_files_in_use")]

    cut(files.certificate)
    tls.poll()
    values.append(registry.get_sample_value("sa_contexts_tls_files_in_use"))
    tls.poll()
    values.append(registry.get_sample_value("sa_contexts_tls_files_in_use"))
    files.show(CA)
    tls.poll()
    values.append(registry.get_sample_value("sa_contexts_tls_files_in_use"))

    assert values == [1, 1, 0, 1]


def test_a_good_change_is_taken_even_after_a_bad_one(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    tls = tls_of(files)
    cut(files.certificate)
    tls.poll()
    tls.poll()
    number = files.show(CA)

    tls.poll()

    assert tls.certificate.serial == number
    assert "certificate_reloaded" in caplog.text


def test_a_change_of_the_authorities_alone_is_taken(files: Files) -> None:
    tls = tls_of(files)
    before = tls.context
    tls.poll()
    assert tls.context is before
    files.trust([CLIENTS, CA])

    tls.poll()

    assert tls.context is not before
    assert tls.context.cert_store_stats()["x509_ca"] == 2


def test_a_certificate_that_has_expired_gives_way_to_any(files: Files) -> None:
    """Clients reject both; the newer one is closer to what was intended."""
    files.show(CA, begins=NOW - 9 * DAY, days=-2)
    tls = tls_of(files)
    newer = files.show(CA, begins=NOW - 9 * DAY, days=-1)

    tls.poll()

    assert tls.certificate.serial == newer


def test_the_log_says_whose_the_certificate_is(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    number = files.show(CA, "sa.example.test", "192.0.2.7", "2001:db8::7", days=90)

    tls_of(files)

    (entry,) = caplog.records
    logged = entry.msg
    assert isinstance(logged, dict)
    assert logged["names"] == ["sa.example.test", "192.0.2.7", "2001:db8::7"]
    assert logged["serial"] == number
    assert logged["subject"].startswith("OU=Testing cert")
    expires = datetime.fromisoformat(logged["expires"])
    assert abs(expires - (NOW + 90 * DAY)) < timedelta(seconds=1)


def test_a_certificate_for_nothing_is_reported_as_such(files: Files) -> None:
    weaken(files)

    assert read_certificate(files.certificate).names == ()


@pytest.mark.parametrize(
    ("days", "event"),
    [(31, None), (29, "certificate_expires_soon"), (-1, "certificate_expired")],
)
def test_an_expiring_certificate_is_logged_each_day(
    files: Files, days: int, event: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    files.show(CA, begins=NOW - 99 * DAY, days=days)

    tls = tls_of(files)

    def logged_events() -> list[str]:
        return [r.msg["event"] for r in caplog.records if r.levelname == "WARNING"]  # type: ignore[index]

    assert logged_events() == ([event] if event else [])
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=23), tick=False):
        tls.poll()
    assert logged_events() == ([event] if event else [])
    if days > 0:
        with time_machine.travel(NOW + (days - 0.5) * DAY, tick=False):
            tls.poll()
            tls.poll()
        assert logged_events()[-1] == "certificate_expires_soon"
        assert len(logged_events()) == (2 if event else 1)


def test_what_is_weak_is_off(files: Files) -> None:
    """RFC 9325; the scan in this folder checks this from outside."""
    context = tls_of(files).context

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.num_tickets == 0
    assert context.verify_mode == ssl.CERT_REQUIRED
    for suite in context.get_ciphers():
        assert suite["aead"], suite["name"]
        assert suite["kea"] in ("kx-any", "kx-ecdhe"), suite["name"]
        assert suite["auth"] != "auth-null"

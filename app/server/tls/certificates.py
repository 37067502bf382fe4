"""TLS: what the server shows to clients and demands of them, from files that may change.

A certificate is renewed while the server runs, and a certificate authority that may vouch for
clients comes or goes. Whatever changes in the files makes a new `ssl.SSLContext`, never a change of
the one in use: a new one knows nothing of authorities that are gone, nor of sessions that clients
could resume without showing their certificate again.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from app.server.tls.alerts import AlertFlushingSslContext


log = structlog.get_logger(__name__)

CIPHERS: Final = "@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20"
"""The suites of TLS 1.2: forward secret and authenticated (AEAD), no others (RFC 9325, 4.2).

Those of TLS 1.3 all are. Level 2 is OpenSSL's for 112 bits: no key of RSA below 2048 bits, no SHA-1
in a chain. There is no DHE, whose cost a client can put upon the server.
"""
EXPIRES_SOON: Final = timedelta(days=30)

_REASONS: Final = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short to be safe",
    "CA_KEY_TOO_SMALL": "a key in the certificate's chain is too short to be safe",
    "CA_MD_TOO_WEAK": "the certificate's chain is signed with a digest that is not safe",
}
_NO_KEY: Final = "{setting} holds no private key in PEM that can be used without a password"

FileSignatures = tuple[tuple[int, ...], ...]


class HandshakeOutcome(StrEnum):
    """How a handshake ended."""

    SECURED = "secured"
    PROTOCOL = "protocol"
    """The client speaks no TLS, too old a version, or has no suite in common with the server."""
    CLIENT_CERTIFICATE = "client_certificate"
    """The client showed no certificate, or one that none of the authorities vouches for."""
    REFUSED_BY_CLIENT = "refused_by_client"
    """The client said that it does not go on; most often it does not trust the server."""
    TIMEOUT = "timeout"
    """The client took too long."""
    LOST = "lost"
    """The client left, or another took its place."""


class TlsError(Exception):
    """The files cannot be used; says why, and nothing of what is in them."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files, all in PEM.

    Attributes:
        certificate: the server's, and what leads from it to its authority.
        key: its private key; in the certificate's file if not given.
        client_ca: the authorities that may vouch for clients; clients need no certificate if not
            given.
    """

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def signatures(self) -> FileSignatures:
        """What differs once any of the files does.

        Raises:
            TlsError: one of them is not there.
        """
        named = {
            "tls_certificate": self.certificate,
            "tls_key": self.key,
            "tls_client_ca": self.client_ca,
        }
        found = []
        for setting, path in named.items():
            if path is not None:
                try:
                    stat = path.stat()
                except OSError as error:
                    raise TlsError(f"{setting} cannot be read: {error.strerror}") from None
                found.append((stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says.

    Attributes:
        subject: whose it is, as RFC 4514 writes it.
        names: the DNS names and IP addresses that it is for.
        serial: its number, in hexadecimal.
        begins: from when on it is valid.
        expires: until when.
    """

    subject: str
    names: tuple[str, ...]
    serial: str
    begins: datetime
    expires: datetime

    def is_valid(self, now: datetime) -> bool:
        """Whether clients may take it then."""
        return self.begins <= now <= self.expires


class CertificateReloader:
    """What new connections are secured with.

    Attributes:
        certificate: the one that is shown.
        context: the newest good one.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Load the files.

        Raises:
            TlsError: they cannot be used.
        """
        self._files = files
        self._stamps, self.context, self.certificate = _load(files)
        self._failure: tuple[str, FileSignatures | None] | None = None
        self._is_failure_told = False
        self._warned_at: datetime | None = None
        self._tell("certificate")

    @property
    def is_current(self) -> bool:
        """Whether what is in use is what the files hold, as far as is known."""
        return self._failure is None or not self._is_failure_told

    def poll(self) -> None:
        """Take what has changed in the files; where it is no good, keep what there is.

        To be called every second or so. A failure is logged when it is seen for the second time:
        files are replaced one after the other.
        """
        stamps = None
        try:
            stamps = self._files.signatures()
            if stamps != self._stamps:
                self._take(*_load(self._files))
            self._failure = None
        except TlsError as error:
            failure = (str(error), stamps)
            if failure != self._failure:
                self._failure, self._is_failure_told = failure, False
            elif not self._is_failure_told:
                log.warning(
                    "certificate_not_reloaded", reason=str(error), note="the old one is kept"
                )
                self._is_failure_told = True
        self._warn_of_expiry()

    def _take(
        self, stamps: FileSignatures, context: ssl.SSLContext, certificate: Certificate
    ) -> None:
        now = datetime.now(UTC)
        if self.certificate.is_valid(now) and not certificate.is_valid(now):
            is_early = now < certificate.begins
            raise TlsError(f"the certificate {'is not valid yet' if is_early else 'has expired'}")
        self._stamps, self.context, self.certificate = stamps, context, certificate
        self._warned_at = None
        self._tell("certificate_reloaded")

    def _tell(self, event: str) -> None:
        certificate = self.certificate
        log.info(
            event,
            subject=certificate.subject,
            names=list(certificate.names),
            serial=certificate.serial,
            expires=certificate.expires.isoformat(),
        )
        self._warn_of_expiry()

    def _warn_of_expiry(self) -> None:
        """Warn each day."""
        now, expires = datetime.now(UTC), self.certificate.expires
        if expires - now > EXPIRES_SOON:
            return
        if self._warned_at is None or now - self._warned_at >= timedelta(days=1):
            self._warned_at = now
            event = "certificate_expired" if expires < now else "certificate_expires_soon"
            log.warning(event, expires=expires.isoformat(), days=(expires - now).days)


def _load(files: TlsFiles) -> tuple[FileSignatures, ssl.SSLContext, Certificate]:
    """What the files hold, all of it as it was at one time.

    Raises:
        TlsError: it is no good, or changes meanwhile.
    """
    before = files.signatures()
    certificate, context = read_certificate(files.certificate), _context(files)
    if files.signatures() != before:
        raise TlsError("the files are being written")
    return before, context, certificate


def read_certificate(path: Path) -> Certificate:
    """The first certificate of a file, the server's own.

    Raises:
        TlsError: there is none.
    """
    try:
        first = x509.load_pem_x509_certificate(path.read_bytes())
        try:
            named = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            dns = named.get_values_for_type(x509.DNSName)
            addresses = named.get_values_for_type(x509.IPAddress)
        except x509.ExtensionNotFound:
            dns, addresses = [], []
        return Certificate(
            first.subject.rfc4514_string(),
            (*dns, *map(str, addresses)),
            f"{first.serial_number:x}",
            first.not_valid_before_utc,
            first.not_valid_after_utc,
        )
    except OSError as error:
        raise TlsError(f"tls_certificate cannot be read: {error.strerror}") from None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise TlsError("tls_certificate holds no certificate in PEM") from None


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = AlertFlushingSslContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    # The rest is Python's default today; that it is so is not left to that.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Tickets are encrypted with a key that lives as long as the context, for months maybe, and who
    # takes it reads all that was said in sessions that used one (RFC 9325, 3.4).
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    _load_key(context, files)
    if files.client_ca is not None:
        _load_client_ca(context, files.client_ca)
    return context


def _load_key(context: ssl.SSLContext, files: TlsFiles) -> None:
    setting = "tls_certificate" if files.key is None else "tls_key"
    try:
        context.load_cert_chain(
            files.certificate, files.key, password=""
        )  # or it would ask for one
    except ssl.SSLError as error:
        reason = _REASONS.get(error.reason or "", _NO_KEY.format(setting=setting))
        raise TlsError(reason) from None
    except OSError as error:
        raise TlsError(f"{setting} cannot be read: {error.strerror}") from None


def _load_client_ca(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise TlsError("tls_client_ca holds no certificate in PEM") from None
    except OSError as error:
        raise TlsError(f"tls_client_ca cannot be read: {error.strerror}") from None
    if not context.cert_store_stats()["x509_ca"]:
        raise TlsError("tls_client_ca holds no certificate of an authority")
    context.verify_mode = ssl.CERT_REQUIRED

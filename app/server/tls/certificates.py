"""The server's certificate and the client CAs, reloaded when their files change.

How a reload works: the files are read each second; a change creates a new `ssl.SSLContext` for new
connections. The one in use is never modified: a new context trusts no removed authority and has no
sessions that clients could resume without showing their certificate again. If the files are
invalid, the old context stays.

Python's `ssl` loads a private key from a path only, and a key must not be written to a second file.
Once `read_file` has accepted the files, OpenSSL therefore opens those of the certificate and the
key itself, within the same deadline. If the files have changed by then, the context is discarded.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.files.daemon_threads import start_daemon
from app.files.reading import READ_SECONDS, FileUnreadable, read_file
from app.server.tls.alerts import AlertFlushingSslContext


log = structlog.get_logger(__name__)

CIPHERS: Final = "@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20"
"""The TLS 1.2 suites with forward secrecy and AEAD only (RFC 9325, 4.2).

All TLS 1.3 suites have both. OpenSSL's security level 2 requires 112 bits of security: no RSA key
below 2048 bits, and no SHA-1 in a chain. DHE is excluded, because a client could cheaply make the
server do expensive computations.
"""
EXPIRES_SOON: Final = timedelta(days=30)
MAX_BYTES: Final = 4 << 20
"""Maximum size of each file. The list of all authorities that Mozilla trusts is much smaller."""

_REASONS: Final = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short to be safe",
    "CA_KEY_TOO_SMALL": "a key in the certificate's chain is too short to be safe",
    "CA_MD_TOO_WEAK": "the certificate's chain is signed with a digest that is not safe",
}
_NO_KEY: Final = "{setting} holds no private key in PEM that can be used without a password"

FileDigests = tuple[bytes, ...]
"""Digests of the files' contents; the contents include the private key, and are not kept."""


class HandshakeOutcome(StrEnum):
    """How a handshake ended."""

    SECURED = "secured"
    PROTOCOL = "protocol"
    """The client does not speak TLS, or shares no version or suite with the server."""
    CLIENT_CERTIFICATE = "client_certificate"
    """The client sent no certificate, or an invalid one: not issued by a client CA, or expired."""
    REJECTED_BY_CLIENT = "rejected_by_client"
    """The client sent an alert, most often because it does not trust the server."""
    TIMEOUT = "timeout"
    """The handshake took too long."""
    LOST = "lost"
    """The client disconnected, the connection was evicted, or the server stopped."""


class TlsError(Exception):
    """The TLS files cannot be used; the message never quotes their content."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The paths of the TLS files, all in PEM.

    Attributes:
        certificate: the server's certificate and its chain.
        key: the private key; None: in the certificate's file.
        client_ca: the authorities that issue client certificates; None: clients need none.
    """

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def read(self) -> dict[str, bytes]:
        """Return the content of each file, by its setting.

        Raises:
            TlsError: a file is missing or inaccessible.
        """
        named = {
            "tls_certificate_file": self.certificate,
            "tls_key_file": self.key,
            "tls_client_ca_file": self.client_ca,
        }
        return {setting: _read(setting, path) for setting, path in named.items() if path}


@dataclass(frozen=True, slots=True)
class Certificate:
    """The fields of a certificate that are logged or checked.

    Attributes:
        subject: the subject, in RFC 4514 form.
        names: DNS names and IP addresses (subjectAltName).
        serial: the serial number, in hexadecimal.
        begins: notBefore.
        expires: notAfter.
        rsa_bits: the length of the key if it is an RSA key.
    """

    subject: str
    names: tuple[str, ...]
    serial: str
    begins: datetime
    expires: datetime
    rsa_bits: int | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether the certificate is valid at a time."""
        return self.begins <= now <= self.expires


class CertificateReloader:
    """The TLS context of new connections, reloaded from its files.

    Attributes:
        certificate: the certificate in use.
        context: the TLS context in use.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Load the files.

        Raises:
            TlsError: the files cannot be used.
        """
        self._files = files
        self._digests, self.context, self.certificate = _load(files)
        self._failure: tuple[str, FileDigests | None] | None = None
        self._is_failure_logged = False
        self._warned_at: datetime | None = None
        self._log_certificate("certificate")

    @property
    def is_current(self) -> bool:
        """Whether the files are in use; False once the same files failed twice to load."""
        return self._failure is None or not self._is_failure_logged

    def poll(self) -> None:
        """Reload the files if they have changed; keep the old context if they are invalid.

        Call it every second or so. A failure is logged only when it recurs, because files may be
        replaced one after the other.
        """
        digests = None
        try:
            digests = _digests(self._files.read())
            if digests != self._digests:
                self._replace(*_load(self._files))
            self._failure = None
        except TlsError as error:
            failure = (str(error), digests)
            if failure != self._failure:
                self._failure, self._is_failure_logged = failure, False
            elif not self._is_failure_logged:
                log.warning(
                    "certificate_not_reloaded", reason=str(error), note="the old one is kept"
                )
                self._is_failure_logged = True
        self._warn_of_expiry()

    def _replace(
        self, digests: FileDigests, context: ssl.SSLContext, certificate: Certificate
    ) -> None:
        now = datetime.now(UTC)
        if self.certificate.is_valid(now) and not certificate.is_valid(now):
            is_early = now < certificate.begins
            raise TlsError(f"the certificate {'is not valid yet' if is_early else 'has expired'}")
        self._digests, self.context, self.certificate = digests, context, certificate
        self._warned_at = None
        self._log_certificate("certificate_reloaded")

    def _log_certificate(self, event: str) -> None:
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
        """Warn once a day if the certificate expires soon or has expired."""
        now, expires = datetime.now(UTC), self.certificate.expires
        if expires - now > EXPIRES_SOON:
            return
        if self._warned_at is None or now - self._warned_at >= timedelta(days=1):
            self._warned_at = now
            event = "certificate_expired" if expires < now else "certificate_expires_soon"
            log.warning(event, expires=expires.isoformat(), days=(expires - now).days)


def _load(files: TlsFiles) -> tuple[FileDigests, ssl.SSLContext, Certificate]:
    """Load all files in one consistent state.

    Raises:
        TlsError: the files cannot be used, or changed while they were read.
    """
    contents = files.read()
    certificate = _certificate(contents["tls_certificate_file"])
    context = _context(files, contents.get("tls_client_ca_file"))
    digests = _digests(contents)
    if _digests(files.read()) != digests:
        raise TlsError("the files are being written")
    return digests, context, certificate


def _read(setting: str, path: Path) -> bytes:
    try:
        return read_file(path, MAX_BYTES).content
    except FileUnreadable as error:
        raise TlsError(f"{setting} cannot be read: {error}") from None


def _digests(contents: dict[str, bytes]) -> FileDigests:
    return tuple(hashlib.sha256(content).digest() for content in contents.values())


def read_certificate(path: Path) -> Certificate:
    """Read the first certificate of a file, which is the server's own.

    Raises:
        TlsError: the file cannot be read, or holds no certificate.
    """
    return _certificate(_read("tls_certificate_file", path))


def _certificate(content: bytes) -> Certificate:
    try:
        first = x509.load_pem_x509_certificate(content)
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
            key.key_size if isinstance(key := first.public_key(), RSAPublicKey) else None,
        )
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise TlsError("tls_certificate_file holds no certificate in PEM") from None


def _context(files: TlsFiles, client_ca: bytes | None) -> ssl.SSLContext:
    context = AlertFlushingSslContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    # The first two are Python's defaults today, set explicitly so that they stay.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Tickets with the session in them are encrypted with a key that lives as long as the context,
    # possibly months. An attacker who steals it can decrypt all TLS 1.2 sessions that used a ticket
    # (RFC 9325, 3.4). Without them, a TLS 1.3 ticket names a session in this process' memory, and
    # resuming it costs no signature (SSL_CTX_set_num_tickets(3)), but needs no client certificate.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 1 if client_ca is None else 0
    _load_key(context, files)
    if client_ca is not None:
        _load_client_ca(context, client_ca)
    return context


def _load_key(context: ssl.SSLContext, files: TlsFiles) -> None:
    setting = "tls_certificate_file" if files.key is None else "tls_key_file"
    try:
        # If no password were given, OpenSSL would prompt for one.
        load = partial(context.load_cert_chain, files.certificate, files.key, password="")
        start_daemon(load).result(READ_SECONDS)
    except ssl.SSLError as error:
        reason = _REASONS.get(error.reason or "", _NO_KEY.format(setting=setting))
        raise TlsError(reason) from None
    except OSError as error:  # it was replaced meanwhile, or does not answer any more
        raise TlsError(f"{setting} cannot be read: {error.strerror or 'no answer'}") from None


def _load_client_ca(context: ssl.SSLContext, content: bytes) -> None:
    try:
        # Only comments may contain other characters than ASCII, which Python rejects.
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):  # ValueError: the file is empty
        raise TlsError("tls_client_ca_file holds no certificate in PEM") from None
    if not context.cert_store_stats()["x509_ca"]:
        raise TlsError("tls_client_ca_file holds no certificate of an authority")
    context.verify_mode = ssl.CERT_REQUIRED

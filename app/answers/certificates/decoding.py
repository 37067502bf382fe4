"""Decodes the fields of a certificate (X.509, RFC 5280)."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from cryptography import x509

from app.resources.wfp.distinguished_names import distinguished_name, elements


MAX_NAMES: Final = 100
"""Maximum number of alternative names, and of usages."""

_VERSION: Final = 0xA0
"""The tag of the version, which certificates of version 1 lack."""

_UNDECODABLE: Final = (
    *(ValueError, TypeError, IndexError, OverflowError, x509.InvalidVersion),
    *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


class Decoded(NamedTuple):
    """The fields of a certificate that are shown.

    Attributes:
        subject: the subject, in RFC 4514 form; None if it cannot be decoded.
        issuer: the issuer, likewise.
        serial_number: the serial number in hexadecimal, two digits for each of its bytes.
        not_before: when it becomes valid, in UTC.
        not_after: when it expires, in UTC.
        usages: the object identifiers of its enhanced key usages; empty if it names none and so
            allows every use; None if they cannot be decoded.
        names: the DNS names, IP addresses and mail addresses in subjectAltName; None if they cannot
            be decoded.
    """

    subject: str | None
    issuer: str | None
    serial_number: str
    not_before: datetime
    not_after: datetime
    usages: tuple[str, ...] | None
    names: tuple[str, ...] | None


def decode(encoded: bytes) -> Decoded | None:
    """Decode a certificate in DER; return None if it cannot be decoded."""
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        fields = _fields(certificate.tbs_certificate_bytes)
        return Decoded(
            distinguished_name(fields.subject),
            distinguished_name(fields.issuer),
            fields.serial_number.hex(),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            _usages(certificate),
            _names(certificate),
        )
    except _UNDECODABLE:
        return None


class _Fields(NamedTuple):
    """Fields of a TBSCertificate (RFC 5280, 4.1): the names in DER, and the number's content."""

    serial_number: bytes
    issuer: bytes
    subject: bytes


def _fields(tbs: bytes) -> _Fields:
    """Return the fields that are shown unchanged; the library rejects some odd ones."""
    ((_, content, _),) = elements(tbs)
    number, _, issuer, _, subject = islice(
        (each for each in elements(content) if each[0] != _VERSION), 5
    )
    return _Fields(number[1], issuer[2], subject[2])


def _usages(certificate: x509.Certificate) -> tuple[str, ...] | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    except _UNDECODABLE:
        return None
    return tuple([usage.dotted_string for usage in found][:MAX_NAMES])


def _names(certificate: x509.Certificate) -> tuple[str, ...] | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except _UNDECODABLE:
        return None
    kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name)
    return tuple([str(name.value) for name in found if isinstance(name, kinds)][:MAX_NAMES])

"""The check of the server's certificate: whether a client would take it, and for how long."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.auth.permissions import is_group_or_world_accessible
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome


SOON: Final = timedelta(days=14)
"""What is no longer valid by then is told now."""

_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to listen everywhere is no name to be met


class _Unfit(Exception):
    """The certificate cannot serve; the message says why, the second argument the way out."""


def certificate(subject: DoctorContext) -> CheckResult:
    """Whether the certificate and its key fit, are valid now, and are for the server's names."""
    path, key_path = subject.settings.tls_certificate, subject.settings.tls_key
    if path is None:
        if key_path is None:
            return CheckResult(Outcome.NOT_APPLICABLE, "TLS is not configured.")
        return CheckResult(
            Outcome.FAILURE,
            "There is a key for TLS, and no certificate.",
            "Set SA_CONTEXTS_TLS_CERTIFICATE.",
        )
    facts: Facts = {}
    names = _wanted(subject)
    try:
        first = _certificates(path)[0]
        served = _names_of(first)
        names |= served | {str(attribute.value) for attribute in first.subject}
        facts = {
            "names": sorted(served),
            "notBefore": _text(first.not_valid_before_utc),
            "notAfter": _text(first.not_valid_after_utc),
        }
        _match(path, key_path or path, first)
        doubt = _doubt(subject, first, served) or _exposed(key_path or path)
    except _Unfit as unfit:
        sentence, remedy = unfit.args
        return CheckResult(Outcome.FAILURE, sentence, remedy, facts, names)
    if doubt is not None:
        return CheckResult(Outcome.WARNING, *doubt, facts, names)
    return CheckResult(
        Outcome.OK,
        f"The certificate is valid until {facts['notAfter']}.",
        facts=facts,
        names=names,
    )


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path, "certificate"))
    except ValueError:
        raise _Unfit(
            f"{path} is no certificate in PEM.",
            "Give the server's certificate, and then its issuers', as text that begins with "
            "-----BEGIN CERTIFICATE-----; `openssl x509 -inform der` converts other forms.",
        ) from None


def _match(path: Path, key_path: Path, first: x509.Certificate) -> None:
    """See that the key is the certificate's, and both are of a strength that TLS takes."""
    try:
        key = load_pem_private_key(_read(key_path, "key"), None)
    except TypeError:
        raise _Unfit(
            f"The key {key_path} is protected by a password, which nobody is there to give.",
            "Give a key without one, in a file that only the server may read.",
        ) from None
    except ValueError:
        raise _Unfit(
            f"{key_path} is no private key in PEM.",
            "Give the certificate's key as text that begins with -----BEGIN PRIVATE KEY-----.",
        ) from None
    if key.public_key() != first.public_key():
        raise _Unfit(
            "The key is not that of the certificate.",
            "Give the key that the certificate was asked for with; the first certificate of the "
            "file must be the server's own.",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key_path)
    except (ssl.SSLError, OSError) as error:
        raise _Unfit(
            f"TLS does not take the certificate: {getattr(error, 'reason', None) or error}.",
            "Ask for one with a key of 2048 bits or more (RSA) or of P-256, and SHA-256.",
        ) from None
    now = datetime.now(UTC)
    if now > first.not_valid_after_utc:
        raise _Unfit(
            f"The certificate expired on {_text(first.not_valid_after_utc)}.",
            "Renew it, and write the new one in its place.",
        )
    if now < first.not_valid_before_utc:
        raise _Unfit(
            f"The certificate is not valid before {_text(first.not_valid_before_utc)}.",
            "Wait until then, or set the clock if it is wrong (see `clock`).",
        )


def _doubt(
    subject: DoctorContext, first: x509.Certificate, served: frozenset[str]
) -> tuple[str, str] | None:
    """What is not wrong, but will be, or will be for some."""
    if first.not_valid_after_utc - datetime.now(UTC) < SOON:
        return f"The certificate expires on {_text(first.not_valid_after_utc)}.", "Renew it."
    if not served:
        return (
            "The certificate names no host (subjectAltName), so clients will not take it.",
            "Ask for one with the names that clients use.",
        )
    missing = sorted(
        name for name in _wanted(subject) if not any(_covers(each, name) for each in served)
    )
    if missing:
        return (
            f"The certificate is not for {', '.join(missing)}.",
            "Ask for one with the names that clients use, or leave the others out of the settings.",
        )
    return None


def _wanted(subject: DoctorContext) -> frozenset[str]:
    """The names that the settings say clients use; the address, where one is named."""
    if subject.settings.hosts:
        return frozenset(host.lower() for host in subject.settings.hosts)
    return frozenset({subject.settings.host.lower()}) - _ANY


def _names_of(first: x509.Certificate) -> frozenset[str]:
    try:
        names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(
        [name.lower() for name in names.get_values_for_type(x509.DNSName)]
        + [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    )


def _covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name is this one; `*` stands for one label (RFC 9525)."""
    try:
        return ip_address(pattern) == ip_address(name)
    except ValueError:
        first, _, rest = name.partition(".")
        return pattern == name or (bool(first and rest) and pattern == f"*.{rest}")


def _exposed(key_path: Path) -> tuple[str, str] | None:
    if is_group_or_world_accessible(key_path.stat().st_mode):
        return f"Others may read the key {key_path}.", f"`chmod 600 {key_path}`."
    return None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _Unfit(
            f"The {what} {path} cannot be read: {error.strerror}.",
            "Correct the path in the settings, or let the server's account read the file.",
        ) from None


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

"""The check of the server's certificate: whether clients would accept it, and for how long."""

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
"""Warn this long before the certificate expires."""

_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # not names that clients use


class _Unusable(Exception):
    """The certificate is unusable; the arguments are a sentence and a remedy."""


def certificate(context: DoctorContext) -> CheckResult:
    """Check that certificate and key match, are valid, and are for the server's names."""
    path, key_path = context.settings.tls_certificate_file, context.settings.tls_key_file
    if path is None:
        if key_path is None:
            return CheckResult(Outcome.NOT_APPLICABLE, "TLS is not configured.")
        return CheckResult(
            Outcome.FAILURE,
            "A TLS key is configured, but no certificate.",
            "Set SA_CONTEXTS_TLS_CERTIFICATE_FILE.",
        )
    facts: Facts = {}
    names = _client_names(context)
    try:
        first = _certificates(path)[0]
        certified = _names_of(first)
        names |= certified | {str(attribute.value) for attribute in first.subject}
        facts = {
            "names": sorted(certified),
            "notBefore": _text(first.not_valid_before_utc),
            "notAfter": _text(first.not_valid_after_utc),
        }
        _require_usable(path, key_path or path, first)
        warning = _warning(context, first, certified) or _exposed(key_path or path)
    except _Unusable as error:
        sentence, remedy = error.args
        return CheckResult(Outcome.FAILURE, sentence, remedy, facts, names)
    if warning is not None:
        return CheckResult(Outcome.WARNING, *warning, facts, names)
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
        raise _Unusable(
            f"{path} is not a certificate in PEM.",
            "Provide the server's certificate, followed by its issuers', as text that begins with "
            "-----BEGIN CERTIFICATE-----; convert other formats with `openssl x509 -inform der`.",
        ) from None


def _require_usable(path: Path, key_path: Path, first: x509.Certificate) -> None:
    """Check that key and certificate match, are strong enough for TLS, and valid now."""
    try:
        key = load_pem_private_key(_read(key_path, "key"), None)
    except TypeError:
        raise _Unusable(
            f"The key {key_path} is protected by a password, which the server cannot enter.",
            "Provide a key without a password, in a file that only the server can read.",
        ) from None
    except ValueError:
        raise _Unusable(
            f"{key_path} is not a private key in PEM.",
            "Provide the certificate's key as text that begins with -----BEGIN PRIVATE KEY-----.",
        ) from None
    if key.public_key() != first.public_key():
        raise _Unusable(
            "The key does not match the certificate.",
            "Provide the key that the certificate was requested with; the first certificate in "
            "the file must be the server's own.",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key_path)
    except (ssl.SSLError, OSError) as error:
        raise _Unusable(
            f"TLS does not accept the certificate: {getattr(error, 'reason', None) or error}.",
            "Request one with SHA-256 and an RSA key of at least 2048 bits or a P-256 key.",
        ) from None
    now = datetime.now(UTC)
    if now > first.not_valid_after_utc:
        raise _Unusable(
            f"The certificate expired on {_text(first.not_valid_after_utc)}.",
            "Renew it, and replace the file.",
        )
    if now < first.not_valid_before_utc:
        raise _Unusable(
            f"The certificate is not valid before {_text(first.not_valid_before_utc)}.",
            "Wait until then, or set the clock if it is wrong (see `clock`).",
        )


def _warning(
    context: DoctorContext, first: x509.Certificate, certified: frozenset[str]
) -> tuple[str, str] | None:
    """Return sentence and remedy of a problem that only occurs later or for some clients."""
    if first.not_valid_after_utc - datetime.now(UTC) < SOON:
        return f"The certificate expires on {_text(first.not_valid_after_utc)}.", "Renew it."
    if not certified:
        return (
            "The certificate names no host (subjectAltName), so clients will not accept it.",
            "Request one with the names that clients use.",
        )
    missing = sorted(
        name
        for name in _client_names(context)
        if not any(_covers(each, name) for each in certified)
    )
    if missing:
        return (
            f"The certificate is not for {', '.join(missing)}.",
            "Request one with the names that clients use, or remove the others from the settings.",
        )
    return None


def _client_names(context: DoctorContext) -> frozenset[str]:
    """Return the host names that clients use according to the settings, or the address."""
    if context.settings.allowed_hosts:
        return frozenset(host.lower() for host in context.settings.allowed_hosts)
    return frozenset({context.settings.host.lower()}) - _ANY


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
    """Return whether a certificate's name covers `name`; `*` matches one label (RFC 9525)."""
    try:
        return ip_address(pattern) == ip_address(name)
    except ValueError:
        first, _, rest = name.partition(".")
        return pattern == name or (bool(first and rest) and pattern == f"*.{rest}")


def _exposed(key_path: Path) -> tuple[str, str] | None:
    if is_group_or_world_accessible(key_path.stat().st_mode):
        return f"Others may read the key {key_path}.", f"`chmod 600 {key_path}`."
    return None


def _read(path: Path, kind: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _Unusable(
            f"The {kind} {path} cannot be read: {error.strerror}.",
            "Correct the path in the settings, or let the server's account read the file.",
        ) from None


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

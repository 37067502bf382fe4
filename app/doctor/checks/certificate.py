"""The check of the TLS files: the server can load them, and clients accept the certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509

from app.doctor.context import DoctorContext
from app.doctor.probes.handshake import handshake_seconds
from app.doctor.results import CheckResult, Facts, failure, not_applicable, ok
from app.files.permissions import is_group_or_world_accessible
from app.schemas.doctor import Outcome
from app.server.tls.certificates import (
    EXPIRES_SOON,
    Certificate,
    CertificateReloader,
    TlsError,
    TlsFiles,
    read_certificate,
)


MAX_RSA_BITS: Final = 2048
"""Longer keys multiply the cost of a handshake: by five at 4096 bits."""

_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # clients use other names
_USABLE: Final = (
    "Provide text in PEM that the server's account can read: the server's certificate, followed by "
    "its issuers', and its key without a password. Request a certificate signed with SHA-256, with "
    "a P-256 key or an RSA key of at least 2048 bits."
)


def certificate(context: DoctorContext) -> CheckResult:
    """Check that the server can load the TLS files, and that clients accept the certificate."""
    settings = context.settings
    path = settings.tls_certificate_file
    if path is None:
        return not_applicable("TLS is not configured.")
    facts: Facts = {}
    names = _client_names(context)
    try:
        found = read_certificate(path)
        names |= {name.lower() for name in found.names} | {
            str(attribute.value) for attribute in x509.Name.from_rfc4514_string(found.subject)
        }
        facts = {
            "names": sorted(name.lower() for name in found.names),
            "notBefore": _text(found.begins),
            "notAfter": _text(found.expires),
        }
        files = TlsFiles(path, settings.tls_key_file, settings.tls_client_ca_file)
        milliseconds = handshake_seconds(CertificateReloader(files).context) * 1000
        facts["handshakeMilliseconds"] = round(milliseconds, 2)
    except TlsError as error:
        return failure(f"The server cannot use TLS: {error}.", _USABLE, facts, names)
    key = settings.tls_key_file or path
    problem = _problem(found, key, _client_names(context), milliseconds)
    if problem is not None:
        return CheckResult(*problem, facts, names)
    return ok(f"The certificate is valid until {facts['notAfter']}.", None, facts, names)


def _problem(
    found: Certificate, key: Path, client_names: frozenset[str], milliseconds: float
) -> tuple[Outcome, str, str] | None:
    """Return outcome, sentence and remedy of the first problem found; None if there is none."""
    now = datetime.now(UTC)
    if now > found.expires:
        return (
            Outcome.FAILURE,
            f"The certificate expired on {_text(found.expires)}.",
            "Renew the certificate, and replace the file.",
        )
    if now < found.begins:
        return (
            Outcome.FAILURE,
            f"The certificate is not valid before {_text(found.begins)}.",
            "Wait until then, or set the clock if it is wrong (see `clock`).",
        )
    if found.expires - now <= EXPIRES_SOON:
        return (Outcome.WARNING, f"The certificate expires on {_text(found.expires)}.", "Renew it.")
    if not found.names:
        return (
            Outcome.WARNING,
            "The certificate names no host in subjectAltName, so clients will reject it.",
            "Request one with the names that clients use.",
        )
    missing = [
        name
        for name in sorted(client_names)
        if not any(_covers(each.lower(), name) for each in found.names)
    ]
    if missing:
        return (
            Outcome.WARNING,
            f"The certificate is not for {', '.join(missing)}.",
            "Request one with the names that clients use, or remove the others from the settings.",
        )
    if is_group_or_world_accessible(key.stat().st_mode):
        return Outcome.WARNING, f"Other accounts can read the key {key}.", f"`chmod 600 {key}`."
    if found.rsa_bits is not None and found.rsa_bits > MAX_RSA_BITS:
        return (
            Outcome.WARNING,
            f"The RSA key has {found.rsa_bits} bits: a handshake costs {milliseconds:.1f} ms.",
            "Request a certificate with a P-256 key.",
        )
    return None


def _client_names(context: DoctorContext) -> frozenset[str]:
    """Return the names in `allowed_hosts` or else `host`, unless that means all addresses."""
    if context.settings.allowed_hosts:
        return frozenset(host.lower() for host in context.settings.allowed_hosts)
    return frozenset({context.settings.host.lower()}) - _ANY


def _covers(pattern: str, name: str) -> bool:
    """Return whether a name in a certificate covers `name`; `*` matches one label (RFC 9525)."""
    try:
        return ip_address(pattern) == ip_address(name)
    except ValueError:
        first, _, rest = name.partition(".")
        return pattern == name or (bool(first and rest) and pattern == f"*.{rest}")


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

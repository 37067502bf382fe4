"""The check of the certificates with which this host authenticates in main mode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from app.answers.certificates.decoding import Decoded
from app.answers.certificates.names import StoreState
from app.answers.certificates.store import read_store
from app.answers.certificates.usage import MAX_LOCAL
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, failure, not_applicable, ok, unknown, warning
from bindings.certificates import THUMBPRINT_BYTES
from bindings.errors import AccessDenied, IkeextNotRunning
from bindings.ike_sas import IkeSas
from bindings.session import Session


EXPIRES_SOON: Final = timedelta(days=30)
MAX_FACTS: Final = 10
"""Maximum number of certificates in the report, those that expire first."""

_RENEW: Final = (
    "Renew it in the computer's store (`certlm.msc`, Personal). If it should be enrolled "
    "automatically, run `certutil -pulse`, and look into the Application log for errors of "
    "CertificateServicesClient-AutoEnrollment. Main mode SAs that exist keep the old one until "
    "they end."
)


def ike_certificates(context: DoctorContext) -> CheckResult:
    """Check that the certificates that main mode SAs of this host use do not expire soon."""
    if context.unreadable:
        return unknown("Not checked, because reading the engine ends the process.")
    with context.session() as session:
        try:
            hashes = _local_hashes(session)
        except IkeextNotRunning:
            return not_applicable("The service IKEEXT is not running, so there is no main mode SA.")
        except AccessDenied:
            return unknown("Main mode SAs cannot be read: see `read_ike_sas`.")
    if not hashes:
        return not_applicable("No main mode SA authenticates this host with a certificate.")
    contents = read_store(context.loaded_library(), sorted(hashes)[:MAX_LOCAL])
    if contents.state is StoreState.NONE:
        return unknown("This system has no certificate store, so the certificates are unknown.")
    if contents.state is StoreState.UNREADABLE:
        return warning(
            f"The computer's certificate store cannot be read: {contents.reason}.",
            "Give the account the right to read the registry key "
            r"`HKLM\SOFTWARE\Microsoft\SystemCertificates\MY`.",
        )
    return _judged(contents.certificates, len(hashes))


def _local_hashes(session: Session) -> set[bytes]:
    """Return the thumbprints of this host's certificates in main mode SAs."""
    return {
        certificate.cert_hash
        for page in IkeSas(session).pages()
        for sa in page
        for pair in sa.ike_credentials
        if (certificate := pair.local_credentials.certificate) is not None
        if len(certificate.cert_hash) == THUMBPRINT_BYTES
    }


def _judged(certificates: Mapping[bytes, Decoded | None], count: int) -> CheckResult:
    """Judge the certificates in the store, None if undecodable; `count` are in use."""
    found = sorted(
        (each for each in certificates.values() if each is not None),
        key=lambda each: each.not_after,
    )
    undecodable = len(certificates) - len(found)
    facts = {
        "inUse": count,
        "found": len(found),
        "undecodable": undecodable,
        "certificates": [
            {"subject": each.subject, "notAfter": _text(each.not_after)}
            for each in islice(found, MAX_FACTS)
        ],
    }
    names = frozenset(
        name for each in found for name in (each.subject, *(each.names or ())) if name
    )
    if found:
        first, now = found[0], datetime.now(UTC)
        of = f"The certificate of {first.subject or 'this host'}, which main mode uses,"
        if first.not_after <= now:
            return failure(f"{of} expired on {_text(first.not_after)}.", _RENEW, facts, names)
        if first.not_after - now <= EXPIRES_SOON:
            return warning(f"{of} expires on {_text(first.not_after)}.", _RENEW, facts, names)
    if len(found) < count:
        return warning(
            f"Of {count} certificates that main mode uses, the expiry of {count - len(found)} is "
            f"unknown: {_reasons(count, len(certificates), undecodable)}.",
            "If they were removed or renewed, main mode will not be negotiated again with them: "
            "check what replaced them (`certlm.msc`, Personal).",
            facts,
            names,
        )
    return ok(
        f"No certificate that main mode uses expires before {_text(first.not_after)}.",
        facts=facts,
        names=names,
    )


def _reasons(count: int, in_store: int, undecodable: int) -> str:
    """Return how many certificates have no known expiry, by reason."""
    looked_up = min(count, MAX_LOCAL)
    numbers = {
        "not in the computer's store": looked_up - in_store,
        "in the store but not decodable": undecodable,
        "not looked up": count - looked_up,
    }
    return ", ".join(f"{number} {reason}" for reason, number in numbers.items() if number)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

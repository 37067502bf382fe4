"""The tests' certificate authorities, and the files of TLS clients and servers."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509


NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Files:
    """A server's certificate and key, and its clients' authorities, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self.client_ca = folder / "clients.pem"

    def show(
        self, ca: trustme.CA, *names: str, begins: datetime | None = None, days: float = 90
    ) -> str:
        """Write a certificate of that authority; gives its number, in hexadecimal."""
        issued = ca.issue_cert(
            *(names or ("localhost", "127.0.0.1")),
            not_before=begins or NOW - DAY,
            not_after=NOW + days * DAY,
        )
        chain, key = issued.cert_chain_pems, issued.private_key_pem
        self.certificate.write_bytes(b"".join(pem.bytes() for pem in chain))
        self.key.write_bytes(key.bytes())
        return f"{x509.load_pem_x509_certificate(chain[0].bytes()).serial_number:x}"

    def trust(self, authorities: Iterable[trustme.CA]) -> None:
        """Trust these authorities for clients."""
        self.client_ca.write_bytes(b"".join(ca.cert_pem.bytes() for ca in authorities))


def client_context(
    ca: trustme.CA | None = None,
    shown: trustme.LeafCert | None = None,
    version: ssl.TLSVersion | None = None,
) -> ssl.SSLContext:
    """A client's TLS settings.

    Args:
        ca: the server's trusted authority; none, if not given.
        shown: the client's certificate.
        version: the only version to offer; OpenSSL's default, if not given.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        ca.configure_trust(context)
    if shown is not None:
        shown.configure_cert(context)
    if version is not None:
        context.set_ciphers(
            "ALL:@SECLEVEL=0"
        )  # otherwise OpenSSL itself would reject such an old version
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context

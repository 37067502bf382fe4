"""Recognition of an sa-contexts server that already listens on the port.

It proves nothing, because another program could respond in the same way.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.files.reading import FileUnreadable, read_file
from app.server.tls.certificates import MAX_BYTES


ASK_SECONDS: Final = 1.0

ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound to it
"""The loopback address at which a server on all addresses can be reached."""


def is_answered_by_us(host: str, number: int) -> bool:
    """Return whether an sa-contexts server responds to a client without a certificate."""
    host = ANY.get(host, host)
    authority = f"[{host}]" if ":" in host else host
    with httpx2.Client(verify=_unverified(), timeout=ASK_SECONDS, trust_env=False) as client:
        for scheme in ("http", "https"):
            try:
                answer = client.get(f"{scheme}://{authority}:{number}/health/live")
                return bool(answer.json() == {"status": "live"})
            except (httpx2.HTTPError, ValueError):
                continue
    return False


def asks_for_certificates(host: str, number: int, path: Path) -> bool:
    """Return whether a server presents this certificate and requires client certificates.

    The probe uses TLS 1.3, in which a client receives the server's certificate and completes the
    handshake before the server detects that the client certificate is missing and sends an alert
    (RFC 8446, 4.4.2.4 and 6.2). In TLS 1.2, the handshake itself would fail.

    Args:
        host: the server's address.
        number: its port.
        path: the file with the server's own certificate in PEM, followed by any others.
    """
    tls = _unverified()
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        content = read_file(path, MAX_BYTES).content
        own = x509.load_pem_x509_certificate(content).public_bytes(Encoding.DER)
        with (
            socket.create_connection((ANY.get(host, host), number), ASK_SECONDS) as connection,
            tls.wrap_socket(connection) as secured,
        ):
            return secured.getpeercert(binary_form=True) == own and _is_rejected(secured)
    except (FileUnreadable, OSError, ValueError):
        return False


def _is_rejected(secured: ssl.SSLSocket) -> bool:
    """Return whether the server closes the connection before the client sends a request."""
    try:
        return not secured.recv(1)
    except TimeoutError:
        return False
    except OSError:  # an alert, or a reset that overtakes the alert
        return True


def _unverified() -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    return tls

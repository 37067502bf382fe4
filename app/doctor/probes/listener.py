"""Whether what listens at the server's port is a server of this kind.

It is only recognized, not trusted: whoever listens there could say the same.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


ASK_SECONDS: Final = 1.0

ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound to it
"""Where a server is reached that listens at all addresses."""


def is_answered_by_us(host: str, number: int) -> bool:
    """Whether a server of this kind answers somebody who shows no certificate."""
    host = ANY.get(host, host)
    written = f"[{host}]" if ":" in host else host
    with httpx2.Client(verify=_anybody(), timeout=ASK_SECONDS, trust_env=False) as client:
        for scheme in ("http", "https"):
            try:
                answer = client.get(f"{scheme}://{written}:{number}/health/live")
                return bool(answer.json() == {"status": "live"})
            except (httpx2.HTTPError, ValueError):
                continue
    return False


def asks_for_certificates(host: str, number: int, path: Path) -> bool:
    """Whether a server shows this certificate, and turns away who has none to show.

    In TLS 1.3 a client has the server's certificate, and is done with the handshake, before the
    server knows that none comes back, which it tells by an alert (RFC 8446, 4.4.2.4 and 6.2). In
    TLS 1.2 the handshake itself would fail; this server speaks both.

    Args:
        host: where the server listens.
        number: its port.
        path: the file of the certificate, in PEM; the server's own is the first in it.
    """
    anybody = _anybody()
    anybody.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        own = x509.load_pem_x509_certificates(path.read_bytes())[0].public_bytes(Encoding.DER)
        with (
            socket.create_connection((ANY.get(host, host), number), ASK_SECONDS) as connection,
            anybody.wrap_socket(connection) as secured,
        ):
            return secured.getpeercert(binary_form=True) == own and _is_turned_away(secured)
    except (OSError, ValueError):
        return False


def _is_turned_away(secured: ssl.SSLSocket) -> bool:
    """Whether the server ends the connection before anything was asked."""
    try:
        return not secured.recv(1)
    except TimeoutError:
        return False
    except OSError:  # the alert; or a reset, which can overtake it
        return True


def _anybody() -> ssl.SSLContext:
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    return anybody

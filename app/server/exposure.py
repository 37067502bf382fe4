"""Safe exposure: beyond loopback, a server needs authentication and TLS, unless overridden.

A trusted proxy on this host brings the requests of other machines to a server on loopback, which
then needs authentication, too. TLS is the proxy's task.
"""

from __future__ import annotations

from app.net.networks import is_loopback
from app.settings.server import ServerSettings


def missing_protection(address: str, settings: ServerSettings) -> str:
    """Return the protection that a server on this address lacks, or an empty string.

    Args:
        address: the IP address that the socket is bound to, not a host name.
        settings: the server's settings.
    """
    is_local = is_loopback(address)
    if is_local and not settings.trusted_proxies:
        return ""
    missing = []
    if settings.api_keys_file is None and settings.oidc_issuer is None:
        missing.append("authentication (api_keys_file or oidc_issuer)")
    if settings.tls_certificate_file is None and not is_local:
        missing.append("TLS (tls_certificate_file)")
    return " and ".join(missing)

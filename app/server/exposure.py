"""Safe exposure: beyond loopback, a server needs authentication and TLS unless overridden."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from app.settings.model import Settings


def is_loopback(address: str) -> bool:
    """Return whether a socket address is reachable from this host only."""
    parsed = ip_address(address.partition("%")[0])  # without the IPv6 scope id
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def missing_protection(address: str, settings: Settings) -> str:
    """Return the protection that a server on this address lacks, or an empty string.

    Args:
        address: the address that the socket is bound to; a host name may resolve to any.
        settings: the server's settings.
    """
    if is_loopback(address):
        return ""
    missing = []
    if settings.keys is None and settings.oidc_issuer is None:
        missing.append("authentication (keys or oidc_issuer)")
    if settings.tls_certificate is None:
        missing.append("TLS (tls_certificate)")
    return " and ".join(missing)

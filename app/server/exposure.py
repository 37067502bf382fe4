"""Where a server may be reached from: anywhere only with credentials and TLS, unless told twice."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from app.settings.model import Settings


def is_loopback(address: str) -> bool:
    """Whether nobody but this machine reaches an address, as a socket gives it."""
    parsed = ip_address(address.partition("%")[0])  # the scope of an IPv6 address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def missing_protection(address: str, settings: Settings) -> str:
    """What a server that listens there should have and does not; empty where nothing is missing.

    Args:
        address: the one that its socket is bound to: a name may lead to any.
        settings: the server's.
    """
    if is_loopback(address):
        return ""
    missing = []
    if settings.keys is None and settings.oidc_issuer is None:
        missing.append("authentication (keys or oidc_issuer)")
    if settings.tls_certificate is None:
        missing.append("TLS (tls_certificate)")
    return " and ".join(missing)

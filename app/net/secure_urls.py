"""URLs whose answers nobody can change on the way."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def require_secure(url: str) -> str:
    """The URL itself, if what it gives cannot be changed on the way.

    Raises:
        ValueError: it is neither HTTPS nor HTTP of this host's own.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError("it is not a URL") from None
    if not host or parts.username is not None or parts.fragment or parts.query:
        raise ValueError("it is not the plain URL of a host")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(host)):
        return url
    raise ValueError("it must be HTTPS, unless it is on this host")


def is_loopback_host(host: str) -> bool:
    """Whether a URL with that host, without brackets, leads to nobody but this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

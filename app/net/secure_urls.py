"""Checks that nobody can tamper with the responses of a URL in transit."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from app.net.networks import is_loopback


_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


def require_secure(url: str) -> str:
    """Return the URL if it is HTTPS, or HTTP to a loopback host.

    Raises:
        ValueError: the URL is neither, or it has user information, a query or a fragment.
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


def origin_of(url: str) -> str:
    """Return the origin of a URL (RFC 6454, 6.2), for instance `https://issuer.example:8443`.

    Raises:
        ValueError: the host is not a name or an IPv4 address.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    if not _HOST.fullmatch(host):
        raise ValueError("its host is not a name or an IPv4 address")
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_loopback_host(host: str) -> bool:
    """Return whether a URL's host, without brackets, is loopback."""
    return host == "localhost" or is_loopback(host)

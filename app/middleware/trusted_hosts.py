"""Validation of the header `Host`, as a protection against DNS rebinding.

An attacker can make a domain name of their own resolve to this server. A browser then treats the
attacker's pages and this server as one origin. But the browser sends that domain name in `Host`, so
this middleware rejects names that are not this server's. An IP address cannot be rebound, so all
addresses are accepted, and probes and scrapers need no configuration.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import BAD_REQUEST, UNKNOWN_HOST, ProblemError
from app.middleware.rejection import reject


MAX_BYTES: Final = 300
"""Maximum length of the value: enough for a DNS name (255 bytes; RFC 1035, 2.3.4) and a port."""
MAX_REMEMBERED: Final = 256
"""Maximum number of cached validation results."""

_HOST: Final = re.compile(
    rb"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.~!$&'()*+,;=%-]+))(?::[0-9]*)?", re.ASCII
)
"""`uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2), without `IPvFuture`."""


class HostValidationMiddleware:
    """Middleware that rejects a `Host` that is neither this server's name nor an address."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        """Wrap an application.

        Args:
            app: the application.
            hosts: accepted names besides `own_names()`.
        """
        self._app = app
        names = {name.lower().encode() for name in (*own_names(), *hosts)}
        self._validate = lru_cache(MAX_REMEMBERED)(lambda host: _validate(host, names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it with 400 or 421."""
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            problem = (
                self._validate(hosts[0])
                if len(hosts) == 1 and len(hosts[0]) <= MAX_BYTES
                else _MALFORMED
            )
            if problem is not None:
                await reject(problem, scope, receive, send)
                return
        await self._app(scope, receive, send)


@cache
def own_names() -> frozenset[str]:
    """Return `localhost` and the machine's host name, with and without its domain."""
    return frozenset(("localhost", socket.gethostname(), socket.getfqdn()))


_MALFORMED: Final = ProblemError(BAD_REQUEST, "There must be exactly one valid Host header.")
_UNKNOWN: Final = ProblemError(UNKNOWN_HOST, "The name in Host is not one of this server's.")


def _validate(host: bytes, names: set[bytes]) -> ProblemError | None:
    """Return the problem with a `Host` value, or None if the value is valid."""
    match = _HOST.fullmatch(host)
    if match is None:
        return _MALFORMED
    ipv6, name = match.group("ipv6", "name")
    if ipv6 is not None:
        return None if _is_address(IPv6Address, ipv6) else _MALFORMED
    is_ours = name.lower().removesuffix(b".") in names or _is_address(IPv4Address, name)
    return None if is_ours else _UNKNOWN


def _is_address(kind: type[IPv4Address | IPv6Address], text: bytes) -> bool:
    try:
        kind(text.decode())
    except ValueError:
        return False
    return True

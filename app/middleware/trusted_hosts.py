"""The header `Host`: whether a request means this server.

A page in a browser may ask any server that its own name leads to, and whoever owns the name may
let it lead to this one (DNS rebinding); the browser then takes the two for the same origin. It
still says the name, though, and this server has no such name. An address cannot be made to lead
elsewhere: any is taken, so that probes and scrapers, which know no names, need no configuration.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import BAD_REQUEST, UNKNOWN_HOST, ProblemError, problem_response


MAX_BYTES: Final = 300
"""A DNS name has 255 at most (RFC 1035, 2.3.4), and a port follows."""
MAX_REMEMBERED: Final = 256

_HOST: Final = re.compile(
    rb"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.~!$&'()*+,;=%-]+))(?::[0-9]*)?", re.ASCII
)
"""`uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2), but for addresses yet to come."""


class HostValidationMiddleware:
    """Lets through what is for this server, by one of its names or by an address."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] = (),
        on_refusal: Callable[[str], None] = lambda _code: None,
    ) -> None:
        """Make one.

        Args:
            app: what answers those requests.
            hosts: further names; `localhost` and the machine's own are always among them.
            on_refusal: is told the code of each problem that is answered here.
        """
        self._app = app
        self._on_refusal = on_refusal
        names = {name.lower().encode() for name in (*own_names(), *hosts)}
        self._objection = lru_cache(MAX_REMEMBERED)(lambda host: _objection(host, names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            problem = (
                self._objection(hosts[0])
                if len(hosts) == 1 and len(hosts[0]) <= MAX_BYTES
                else _MALFORMED
            )
            if problem is not None:
                scope.setdefault("state", {})["refused"] = problem.kind.code
                self._on_refusal(problem.kind.code)
                await problem_response(Request(scope), problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


@cache
def own_names() -> frozenset[str]:
    """`localhost`, and what the machine calls itself, alone and with its domain."""
    return frozenset(("localhost", socket.gethostname(), socket.getfqdn()))


_MALFORMED: Final = ProblemError(BAD_REQUEST, "There must be one header Host, with a host in it.")
_UNKNOWN: Final = ProblemError(UNKNOWN_HOST, "This server does not go by the name in Host.")


def _objection(host: bytes, names: set[bytes]) -> ProblemError | None:
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

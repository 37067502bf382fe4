"""The headers that tell browsers to do no more with an answer than what was asked for.

They are OWASP's for REST (cheat sheet "REST Security", "Security Headers"). uvicorn puts them
before those of each answer, its own included, and `app.server.protocol` does so in what it
refuses; no request costs more for them. `Cache-Control` and `Content-Type`
are with each answer already, and there is no CORS: without `Access-Control-Allow-Origin` no page of
another origin can read anything, and a preflight is refused as any other method than GET is.
"""

from __future__ import annotations

from typing import Final


_ALWAYS: Final = (
    # What is not a script or a style by its media type is not taken for one.
    ("X-Content-Type-Options", "nosniff"),
    # No page may show an answer as a part of itself, and so lead clicks astray. It stands beside
    # the policy that the page of the documentation has; the browser keeps to both.
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    # The same, for browsers that know no such directive.
    ("X-Frame-Options", "DENY"),
    # No page of another origin may have an answer as an image or a script either, which needs no
    # CORS, and so look for traces of it in its own process (Spectre).
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # Where a link leads, nobody is told of the filters and cursors in the URL that it was on.
    ("Referrer-Policy", "no-referrer"),
)

_SECURED: Final = (
    # Whoever came by TLS once comes by no other way (RFC 6797). It binds all ports of the host's
    # name, on which other services may still speak plain HTTP: hence a day only, which each answer
    # renews, and no subdomains.
    ("Strict-Transport-Security", "max-age=86400"),
)


def security_headers(*, is_secured: bool) -> list[tuple[str, str]]:
    """Those of every answer.

    Args:
        is_secured: whether answers go over TLS; browsers ignore what they are told of it elsewhere
            (RFC 6797, 8.1).
    """
    return [*_ALWAYS, *(_SECURED if is_secured else ())]

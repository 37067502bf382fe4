"""Response headers that restrict what browsers do with a response.

They follow OWASP's cheat sheet "REST Security" ("Security Headers"). uvicorn adds them to every
response, and `app.server.protocol` to the problems that it writes itself. Every response already
has `Cache-Control` and, with a body, `Content-Type`. There is no CORS: without
`Access-Control-Allow-Origin` no page of another origin can read a response, and preflights fail
because OPTIONS is not supported.
"""

from __future__ import annotations

from typing import Final


_ALWAYS: Final = (
    # Browsers must not guess a script or style from the content.
    ("X-Content-Type-Options", "nosniff"),
    # No page may frame a response (clickjacking). The documentation page has a policy of its own;
    # browsers enforce both.
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    # For browsers without `frame-ancestors`.
    ("X-Frame-Options", "DENY"),
    # No page of another origin may embed a response as an image or script, which needs no CORS
    # and would bring it into that page's process (Spectre).
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # A link's target must not see the filters and cursors in the referring URL.
    ("Referrer-Policy", "no-referrer"),
)

_SECURED: Final = (
    # Clients that used TLS once keep to it (RFC 6797). HSTS covers all ports of the host name,
    # where other services may still speak plain HTTP: hence one day only, renewed by each
    # response, and no subdomains.
    ("Strict-Transport-Security", "max-age=86400"),
)


def security_headers(*, is_secured: bool) -> list[tuple[str, str]]:
    """Return the headers of every response.

    Args:
        is_secured: whether the server speaks TLS; browsers ignore HSTS over plain HTTP
            (RFC 6797, 8.1).
    """
    return [*_ALWAYS, *(_SECURED if is_secured else ())]

"""Response headers that restrict what browsers do with a response.

They follow OWASP's cheat sheet "REST Security" ("Security Headers"). uvicorn adds them to every
response of the application, and `app.server.rejections` adds them to the problems that it writes
itself. Every response already has `Cache-Control` and, with a body, `Content-Type`. There is no
CORS: without `Access-Control-Allow-Origin`, no page of another origin can read a response, and
preflights fail because OPTIONS is not supported.
"""

from __future__ import annotations

from typing import Final


_ALWAYS: Final = (
    # Browsers must not treat a response as a script or style because of its content.
    ("X-Content-Type-Options", "nosniff"),
    # No page may frame a response (clickjacking). The documentation page also has its own policy;
    # browsers enforce both.
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    # The same, for browsers that do not support `frame-ancestors`.
    ("X-Frame-Options", "DENY"),
    # No page of another origin may embed a response as an image or script. Embedding needs no CORS
    # and would load the response into that page's process (Spectre).
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # The target of a link must not learn the filters and cursors in the referring URL.
    ("Referrer-Policy", "no-referrer"),
)

_SECURED: Final = (
    # A browser that has used TLS once uses only TLS (RFC 6797). HSTS covers all ports of the host
    # name, and other services there may still use plain HTTP. Therefore HSTS lasts only one day,
    # renewed by each response, and excludes subdomains.
    ("Strict-Transport-Security", "max-age=86400"),
)


def security_headers(*, is_secured: bool) -> list[tuple[str, str]]:
    """Return the headers of every response.

    Args:
        is_secured: whether the server uses TLS; browsers ignore HSTS over plain HTTP
            (RFC 6797, 8.1).
    """
    return [*_ALWAYS, *(_SECURED if is_secured else ())]

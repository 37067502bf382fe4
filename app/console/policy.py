"""The console's Content Security Policy."""

from __future__ import annotations

from app.console.configuration import Configuration
from app.net.secure_urls import origin_of


def content_security_policy(configuration: Configuration) -> str:
    """Return the policy: own scripts and styles, and requests to this server and its issuer only.

    Trusted Types make every conversion of a string to HTML or code fail, so that no name that the
    engine reports can become either.
    """
    client = configuration.oidc
    targets = ["'self'"] if client is None else ["'self'", origin_of(client.issuer)]
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": " ".join(targets),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())

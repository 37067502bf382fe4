"""What verifies credentials, as the settings configure it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.auth.api_keys import ApiKeyStore
from app.settings.server import ServerSettings


if TYPE_CHECKING:
    from app.auth.jwt import JwtVerifier


def api_keys_of(settings: ServerSettings) -> ApiKeyStore | None:
    """Return the API keys; None if they are not accepted.

    Raises:
        KeysUnreadable: the file of API keys cannot be read or is invalid.
    """
    if settings.api_keys_file is None:
        return None
    return ApiKeyStore(settings.api_keys_file, settings.api_keys_grace_seconds)


def tokens_of(settings: ServerSettings) -> JwtVerifier | None:
    """Return the verifier of an issuer's tokens; None if they are not accepted."""
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    # Load the library that verifies signatures only if tokens are configured.
    from app.auth.jwks import JwksClient  # noqa: PLC0415
    from app.auth.jwt import JwtVerifier  # noqa: PLC0415

    return JwtVerifier(
        JwksClient(settings.oidc_issuer, settings.oidc_jwks_url),
        settings.oidc_audience,
        settings.oidc_algorithms,
        settings.oidc_clock_skew_seconds,
    )

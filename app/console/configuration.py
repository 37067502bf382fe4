"""What the console's script must know before it can ask the API: how callers authenticate."""

from __future__ import annotations

from app.schemas.base import Shape
from app.settings.model import Settings


class OidcClient(Shape):
    """The console as a public client of the OIDC issuer (RFC 6749, 2.1).

    Attributes:
        issuer: the issuer; its discovery document names the endpoints.
        client_id: the client's id, which is no secret.
        audience: the audience that the server requires in tokens.
        scopes: the scopes to request.
    """

    issuer: str
    client_id: str
    audience: str
    scopes: tuple[str, ...]


class Configuration(Shape):
    """The console's configuration. Everybody may read it: it names nothing but how to sign in.

    Attributes:
        is_authentication_required: whether callers need a credential.
        accepts_api_keys: whether the server accepts API keys.
        oidc: how to obtain a token; None: the console cannot.
    """

    is_authentication_required: bool
    accepts_api_keys: bool
    oidc: OidcClient | None = None


def configuration_of(settings: Settings) -> Configuration:
    """Return the configuration of a server's console."""
    accepts_api_keys = settings.api_keys_file is not None
    return Configuration(
        is_authentication_required=accepts_api_keys or settings.oidc_issuer is not None,
        accepts_api_keys=accepts_api_keys,
        oidc=_oidc_client(settings),
    )


def _oidc_client(settings: Settings) -> OidcClient | None:
    client_id, issuer = settings.console_client_id, settings.oidc_issuer
    if client_id is None or issuer is None or settings.oidc_audience is None:
        return None
    return OidcClient(
        issuer=issuer,
        client_id=client_id,
        audience=settings.oidc_audience,
        scopes=settings.console_scopes,
    )

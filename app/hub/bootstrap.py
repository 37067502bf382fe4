"""Construction of a hub's server from its settings."""

from __future__ import annotations

from app.hub.credentials import HubAuthenticator
from app.hub.database import Database
from app.hub.main import create_hub_app
from app.hub.service import HubService
from app.hub.settings import HubSettings
from app.hub.sqlite.store import SqliteStore
from app.middleware.configured_credentials import api_keys_of, tokens_of
from app.server.binding import BoundServer, bind, listen, tls_files
from app.server.tls.certificates import CertificateReloader


def build_hub(settings: HubSettings) -> BoundServer:
    """Open the database, create the application, and listen.

    Raises:
        DatabaseUnusable: the database cannot be opened.
        TlsError: the TLS files cannot be used.
        KeysUnreadable: the file of API keys cannot be read or is invalid.
        CannotListen: the address or port is unavailable, or listening there would be unsafe.
    """
    files = tls_files(settings)
    tls = CertificateReloader(files) if files else None
    hub = create_hub(settings)
    listener = listen(settings)
    return bind(create_hub_app(hub), settings, listener, tls, hub.stop)


def create_hub(settings: HubSettings) -> HubService:
    """Create everything beneath HTTP, without running it.

    Raises:
        DatabaseUnusable: the database cannot be opened.
        KeysUnreadable: the file of API keys cannot be read or is invalid.
    """
    database = Database(SqliteStore(settings.database_file))
    credentials = HubAuthenticator(database, api_keys_of(settings), tokens_of(settings))
    return HubService(settings, database, credentials)

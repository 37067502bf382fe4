"""From settings to a server that serves: what the command line and the Windows service share."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from app import server
from app.api.errors import engine_problem
from app.exposure import missing_protection
from app.main import create_app
from app.security.key_file import KeysUnreadable
from app.service import create_service
from app.settings import Settings
from app.settings_file import SettingsFileError, settings_file
from app.telemetry.logging import LogUnwritable
from app.telemetry.metrics import Metrics
from app.telemetry.tls import TlsMetrics
from app.tls import Tls, TlsError
from bindings.errors import AccessDenied, EngineError, LibraryError


log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The address is not this machine's or would not be safe, or the port is taken."""


CANNOT_START = (
    *(ValidationError, SettingsFileError, KeysUnreadable),
    *(LibraryError, EngineError, TlsError, CannotListen, LogUnwritable),
)
"""What keeps a command from beginning, each told by one sentence."""


def why_not(error: Exception) -> str:
    """The sentence that tells one of these failures."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name, reason = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        file = settings_file()
        places = f" (from the command line, the environment or {file})" if file else ""
        return f"the setting {name} is not valid: {reason}{places}"
    if isinstance(error, AccessDenied):
        return engine_problem(error).detail
    return str(error)


@dataclass(frozen=True, slots=True)
class Serving:
    """A server whose socket listens already, to be run once.

    Attributes:
        server: tells when to stop.
        listener: what it accepts connections from.
    """

    server: server.Server
    listener: socket.socket

    def run(self, *, in_console: bool = True) -> None:
        """Serve until told to stop.

        Args:
            in_console: whether the events of a console end it; a service is told of users who
                log off, which is none of its business.

        Raises:
            SystemExit: it could not begin; the log says why.
        """
        server.run(self.server, self.listener, in_console=in_console)


def prepare(settings: Settings) -> Serving:
    """Make all that is served, and listen.

    Raises:
        LibraryError: there is no library that can be used.
        TlsError: the files of TLS are no good.
        KeysUnreadable: the file of keys is not to be read, or is none.
        CannotListen: the port is taken, or the like.
    """
    files = settings.tls_files()
    tls = Tls(files) if files else None
    service = create_service(settings)
    listener = _listen(settings)
    application = create_app(
        service, hosts=settings.hosts or (), log_requests=settings.log_requests
    )
    metrics: Metrics = application.state.metrics
    running = server.create_server(
        application,
        service.stop,
        settings.connection_limits(),
        application.state.on_refusal,
        tls,
        TlsMetrics(tls, metrics.registry).ended if tls else lambda _outcome: None,
    )
    metrics.count_connections(lambda: len(running.server_state.connections))
    return Serving(running, listener)


def _listen(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say, if what they say is safe."""
    try:
        listener = server.listen(settings.host, settings.port)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from None
    address = listener.getsockname()[0]
    missing = missing_protection(address, settings)
    if missing and not settings.insecure:
        listener.close()
        raise CannotListen(
            f"{address} can be reached from other machines, and there is no {missing}: "
            "set that up, listen on 127.0.0.1, or say --insecure (SA_CONTEXTS_INSECURE)"
        )
    if missing:
        log.warning("insecure", address=address, missing=missing)
    return listener

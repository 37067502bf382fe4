"""From settings to a server that serves: what the command line and the Windows service share."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from pydantic import ValidationError

from app import server
from app.api.errors import engine_problem
from app.main import create_app
from app.security.key_file import KeysUnreadable
from app.service import create_service
from app.settings import Settings
from app.settings_file import SettingsFileError, settings_file
from app.telemetry.metrics import Metrics
from bindings.errors import AccessDenied, EngineError, LibraryError


class CannotListen(Exception):
    """The address is not this machine's, or the port is taken."""


CANNOT_START = (
    *(ValidationError, SettingsFileError, KeysUnreadable),
    *(LibraryError, EngineError, CannotListen),
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
        KeysUnreadable: the file of keys is not to be read, or is none.
        CannotListen: the port is taken, or the like.
    """
    service = create_service(settings)
    try:
        listener = server.listen(settings.host, settings.port)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from None
    application = create_app(service)
    metrics: Metrics = application.state.metrics
    running = server.create_server(
        application,
        service.stop,
        settings.connection_limits(),
        lambda problem: metrics.told(problem.kind.code),
    )
    metrics.count_connections(lambda: len(running.server_state.connections))
    return Serving(running, listener)

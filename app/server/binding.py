"""Binding of an application to its socket: TLS, the limits of connections, and their metrics."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import structlog
from fastapi import FastAPI

from app.net.networks import is_loopback
from app.server import uvicorn_server
from app.server.admission import Admission
from app.server.exposure import missing_protection
from app.server.metrics import RejectionMetrics
from app.server.tls.certificates import CertificateReloader, TlsFiles
from app.server.tls.metrics import TlsMetrics
from app.server.uvicorn_server import Background
from app.settings.limits import ConnectionLimits
from app.settings.server import ServerSettings
from app.telemetry.metrics.registry import Metrics


log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The address or port is unavailable, or listening there would be unsafe."""


@dataclass(frozen=True, slots=True)
class BoundServer:
    """A server and its listening socket. Can run only once.

    Attributes:
        server: the server; its `stop` ends `run`.
        listener: the socket on which the server accepts connections.
        notes: runs around the server: notes the reads of the engine.
    """

    server: uvicorn_server.Server
    listener: socket.socket
    notes: AbstractContextManager[None] = field(default_factory=nullcontext)

    def run(self, *, in_console: bool = True) -> None:
        """Serve until the server is stopped.

        Args:
            in_console: whether Windows' console events, such as closing the window, stop the
                server. A service must ignore them, because it receives one whenever a user logs
                off.

        Raises:
            SystemExit: the server could not start; the log says why.
        """
        with self.notes:
            uvicorn_server.run(self.server, self.listener, in_console=in_console)


def bind(
    application: FastAPI,
    settings: ServerSettings,
    listener: socket.socket,
    tls: CertificateReloader | None,
    on_stop: Callable[[], None],
    background: Sequence[Background] = (),
    notes: AbstractContextManager[None] | None = None,
) -> BoundServer:
    """Return the server of an application, which does not run yet.

    Args:
        application: the application, protected (`app.middleware.application`).
        settings: the server's settings.
        listener: the listening socket.
        tls: the certificates; None: plain HTTP.
        on_stop: called in the event loop when the server begins to stop.
        background: what else runs in the event loop until the server stops.
        notes: see `BoundServer`.
    """
    metrics: Metrics = application.state.metrics
    limits = settings.limits(ConnectionLimits)
    rejections = RejectionMetrics(metrics.registry, metrics.connection_summary)
    tls_metrics = TlsMetrics(tls, metrics.registry) if tls else None
    server = uvicorn_server.create_server(
        application,
        on_stop,
        limits,
        application.state.on_rejection,
        tls,
        tls_metrics.ended if tls_metrics else lambda _outcome: None,
        tls_metrics.step_took if tls_metrics else lambda _seconds: None,
        Admission(limits, application.state.is_verified, rejections.rejected),
        settings.base_path,
        background,
    )
    metrics.count_connections(lambda: len(server.server_state.connections))
    return BoundServer(server, listener, notes or nullcontext())


def tls_files(settings: ServerSettings) -> TlsFiles | None:
    """Return the TLS files, or None if TLS is not configured."""
    if settings.tls_certificate_file is None:
        return None
    return TlsFiles(
        settings.tls_certificate_file, settings.tls_key_file, settings.tls_client_ca_file
    )


def listen(settings: ServerSettings) -> socket.socket:
    """Return a listening socket.

    Raises:
        CannotListen: the address or port is unavailable, or listening there would be unsafe.
    """
    try:
        listener = uvicorn_server.listen(settings.host, settings.port)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from None
    address = listener.getsockname()[0]
    missing = missing_protection(address, settings)
    if missing and not settings.allow_insecure:
        listener.close()
        how, remedy = (
            (" through trusted_proxies", "unset trusted_proxies")
            if is_loopback(address)
            else ("", "listen on 127.0.0.1")
        )
        verb = "are" if " and " in missing else "is"
        raise CannotListen(
            f"{address} can be reached from other machines{how}, but {missing} {verb} missing: "
            f"set that up, {remedy}, or pass --allow-insecure (SA_CONTEXTS_ALLOW_INSECURE)"
        )
    if missing:
        log.warning("insecure_listener", address=address, missing=missing)
    return listener

"""Construction of a listening server from settings, for the CLI and the Windows service."""

from __future__ import annotations

import socket
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

import structlog
from pydantic import ValidationError

from app.answers import ANSWERS
from app.api.errors import engine_problem
from app.api.resource import Answer, Resource
from app.auth.api_keys import ApiKeyStore
from app.auth.authenticator import Authenticator
from app.auth.key_file import KeysUnreadable
from app.main import create_app
from app.net.networks import is_loopback
from app.repository.changes.streams import StreamRegistry
from app.repository.deadlines import EngineDeadline
from app.repository.engine_calls import EngineCalls
from app.resources import RESOURCES
from app.resources.sa_contexts.kind import SaContextKind
from app.server import uvicorn_server as server
from app.server.admission import Admission
from app.server.exposure import missing_protection
from app.server.metrics import RejectionMetrics
from app.server.tls.certificates import CertificateReloader, TlsError, TlsFiles
from app.server.tls.metrics import TlsMetrics
from app.server.watchdog import Watchdog
from app.service import Foundation, Service, ipv6_order_detector, open_engine, open_library
from app.settings.file import SettingsFileError, settings_file
from app.settings.limits import ConnectionLimits
from app.settings.model import Settings
from app.telemetry.call_notes import call_notes, call_notes_file
from app.telemetry.logging.configuration import LogUnwritable
from app.telemetry.logging.crash_dump import write_crash_dumps
from app.telemetry.metrics.registry import Metrics
from bindings.errors import AccessDenied, EngineError, LibraryError
from bindings.rule_names import RuleNames


log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The address or port is unavailable, or listening there would be unsafe."""


STARTUP_ERRORS = (
    *(ValidationError, SettingsFileError, KeysUnreadable),
    *(LibraryError, EngineError, TlsError, CannotListen, LogUnwritable),
)
"""Exceptions that prevent a command from starting; `explain` describes each in one sentence."""


def explain(error: Exception) -> str:
    """Describe an exception, usually one of `STARTUP_ERRORS`, in one sentence."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name, reason = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        file = settings_file()
        sources = f" (from the command line, the environment or {file})" if file else ""
        return f"the setting {name} is not valid: {reason}{sources}"
    if isinstance(error, AccessDenied):
        return engine_problem(error).detail
    return str(error)


@dataclass(frozen=True, slots=True)
class BoundServer:
    """A server and its listening socket. Can run only once.

    Attributes:
        server: the server; its `stop` ends `run`.
        listener: the socket on which the server accepts connections.
        notes: notes the reads of the engine while the server runs.
    """

    server: server.Server
    listener: socket.socket
    notes: AbstractContextManager[None]

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
            server.run(self.server, self.listener, in_console=in_console)


def build_server(settings: Settings, log_file: Path | None) -> BoundServer:
    """Create the service and the application, and listen; from now on, crashes are dumped.

    Args:
        settings: the server's settings.
        log_file: the log's file, if it has one; crash dumps and call notes are beside it.

    Raises:
        TlsError: the TLS files cannot be used.
        LibraryError: there is no usable library, or the capture to replay cannot be read.
        EngineError: the engine failed while a replay was compared with its capture.
        KeysUnreadable: the file of API keys cannot be read or is invalid.
        CannotListen: the address or port is unavailable, or listening there would be unsafe.
    """
    crashed_thread = write_crash_dumps(log_file)
    files = tls_files(settings)
    tls = CertificateReloader(files) if files else None
    service = create_service(settings)
    listener = _listen(settings)
    application = create_app(
        service, hosts=settings.allowed_hosts or (), log_requests=settings.log_requests
    )
    metrics: Metrics = application.state.metrics
    limits = settings.limits(ConnectionLimits)
    rejections = RejectionMetrics(metrics.registry, metrics.connection_summary)
    tls_metrics = TlsMetrics(tls, metrics.registry) if tls else None
    uvicorn_server = server.create_server(
        application,
        service.stop,
        limits,
        application.state.on_rejection,
        tls,
        tls_metrics.ended if tls_metrics else lambda _outcome: None,
        tls_metrics.step_took if tls_metrics else lambda _seconds: None,
        Admission(limits, application.state.is_verified, rejections.rejected),
        settings.base_path,
        [
            Watchdog(
                service.library.oldest_unfinished_call,
                report_seconds=settings.engine_timeout_seconds,
                exit_seconds=settings.watchdog_seconds,
            ).run
        ],
    )
    metrics.count_connections(lambda: len(uvicorn_server.server_state.connections))
    # Opened when the server runs: before it listened, the file might be that of another one.
    notes = call_notes(call_notes_file(settings, log_file), crashed_thread)
    return BoundServer(uvicorn_server, listener, notes)


def create_service(
    settings: Settings,
    resources: Sequence[Resource] = RESOURCES,
    answers: Sequence[Answer] = ANSWERS,
) -> Service:
    """Create everything beneath HTTP, without running it.

    Args:
        settings: the server's settings.
        resources: the resources, each of which creates one `Part` of the service.
        answers: the answers, whose parts are created from those before them.

    Raises:
        LibraryError: there is no usable library, or the capture to replay cannot be read.
        EngineError: the engine failed while a replay was compared with its capture.
        KeysUnreadable: the file of API keys cannot be read or is invalid.
    """
    library = open_library(settings)
    ipv6_order = ipv6_order_detector(settings)
    deadline = EngineDeadline(settings.engine_timeout_seconds)
    foundation = Foundation(
        settings=settings,
        library=library,
        ipv6_order=ipv6_order,
        engine=open_engine(library, settings, ipv6_order.order),
        engine_calls=EngineCalls(deadline),
        deadline=deadline,
        rule_names=RuleNames(open_engine(library, settings, ipv6_order.order)),
    )
    parts = {resource.key: resource.start(foundation) for resource in resources}
    for answer in answers:
        if answer.start is not None:
            part = answer.start(foundation, parts)
            parts[cast(Hashable, type(part))] = part
    return Service(
        **{field.name: getattr(foundation, field.name) for field in fields(foundation)},
        host=socket.gethostname(),
        streams=StreamRegistry(
            settings.max_streams,
            settings.max_stream_seconds,
            settings.max_streams_per_caller,
            foundation.capacity.turns,
        ),
        credentials=create_credentials(settings),
        parts=parts,
        primary=SaContextKind,
    )


def create_credentials(settings: Settings) -> Authenticator:
    """Return the authenticator that the settings configure.

    Raises:
        KeysUnreadable: the file of API keys cannot be read or is invalid.
    """
    tokens = None
    if settings.oidc_issuer is not None and settings.oidc_audience is not None:
        # Load the library that verifies signatures only if tokens are configured.
        from app.auth.jwks import JwksClient  # noqa: PLC0415
        from app.auth.jwt import JwtVerifier  # noqa: PLC0415

        tokens = JwtVerifier(
            JwksClient(settings.oidc_issuer, settings.oidc_jwks_url),
            settings.oidc_audience,
            settings.oidc_algorithms,
            settings.oidc_clock_skew_seconds,
        )
    api_keys = None
    if settings.api_keys_file is not None:
        api_keys = ApiKeyStore(settings.api_keys_file, settings.api_keys_grace_seconds)
    return Authenticator(api_keys, tokens)


def tls_files(settings: Settings) -> TlsFiles | None:
    """Return the TLS files, or None if TLS is not configured."""
    if settings.tls_certificate_file is None:
        return None
    return TlsFiles(
        settings.tls_certificate_file, settings.tls_key_file, settings.tls_client_ca_file
    )


def _listen(settings: Settings) -> socket.socket:
    """Return a listening socket.

    Raises:
        CannotListen: the address or port is unavailable, or listening there would be unsafe.
    """
    try:
        listener = server.listen(settings.host, settings.port)
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

"""Construction of a host's server from settings, for the CLI and the Windows service."""

from __future__ import annotations

import socket
from collections.abc import Hashable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import cast

import structlog
from pydantic import ValidationError

from app.agent import AgentUnusable
from app.answers import ANSWERS
from app.api.errors import engine_problem
from app.api.resource import Answer, Resource
from app.auth.authenticator import Authenticator
from app.auth.key_file import KeysUnreadable
from app.main import create_app
from app.middleware.configured_credentials import api_keys_of, tokens_of
from app.repository.changes.streams import StreamRegistry
from app.repository.deadlines import EngineDeadline
from app.repository.engine_calls import EngineCalls
from app.resources import RESOURCES
from app.resources.sa_contexts.kind import SaContextKind
from app.server.binding import BoundServer, CannotListen, bind, listen, tls_files
from app.server.tls.certificates import CertificateReloader, TlsError
from app.server.watchdog import Watchdog
from app.service import Foundation, Service, ipv6_order_detector, open_engine, open_library
from app.settings.file import SettingsFileError, settings_file
from app.settings.model import Settings
from app.telemetry.call_notes import call_notes, call_notes_file
from app.telemetry.logging.configuration import LogUnwritable
from app.telemetry.logging.crash_dump import write_crash_dumps
from bindings.errors import AccessDenied, EngineError, LibraryError
from bindings.rule_names import RuleNames


log = structlog.get_logger(__name__)


STARTUP_ERRORS = (
    *(ValidationError, SettingsFileError, KeysUnreadable),
    *(LibraryError, EngineError, TlsError, CannotListen, LogUnwritable, AgentUnusable),
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
    listener = listen(settings)
    application = create_app(
        service, hosts=settings.allowed_hosts or (), log_requests=settings.log_requests
    )
    watchdog = Watchdog(
        service.library.oldest_unfinished_call,
        report_seconds=settings.engine_timeout_seconds,
        exit_seconds=settings.watchdog_seconds,
    )
    # Opened when the server runs: before it listened, the file might be that of another one.
    notes = call_notes(call_notes_file(settings, log_file), crashed_thread)
    return bind(application, settings, listener, tls, service.stop, [watchdog.run], notes)


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
        AgentUnusable: the agent's files cannot be read or created.
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
    if settings.hub_url is not None:
        # Load the HTTP client and SQLite only if there is a hub.
        from app.agent.part import AgentPart  # noqa: PLC0415

        parts[AgentPart] = AgentPart(foundation, parts, settings.hub_url)
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
    return Authenticator(api_keys_of(settings), tokens_of(settings))

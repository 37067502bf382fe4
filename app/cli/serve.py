"""`sa-contexts serve`: runs the server in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.bootstrap import build_server
from app.cli.failures import explained_failures
from app.cli.options import (
    ContextsOption,
    EngineOption,
    HostOption,
    InsecureOption,
    PortOption,
    TlsCertificateOption,
    TlsKeyOption,
    given,
)
from app.server.uvicorn_server import exit_despite_hung_threads
from app.settings.model import Settings
from app.telemetry.logging.configuration import audit_log_file, configure_logging, log_file


def serve(
    host: HostOption = None,
    port: PortOption = None,
    tls_certificate_file: TlsCertificateOption = None,
    tls_key_file: TlsKeyOption = None,
    tls_client_ca_file: Annotated[
        Path | None, typer.Option(help="Require client certificates issued by these CAs (PEM).")
    ] = None,
    allow_insecure: InsecureOption = None,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
    simulated_churn: Annotated[
        float | None, typer.Option(help="Simulated changes per second.")
    ] = None,
) -> None:
    """Serve the SA contexts over HTTP."""
    options = given(
        host=host,
        port=port,
        tls_certificate_file=tls_certificate_file,
        tls_key_file=tls_key_file,
        tls_client_ca_file=tls_client_ca_file,
        allow_insecure=allow_insecure,
        engine=engine,
        simulated_contexts=simulated_contexts,
        simulated_churn=simulated_churn,
    )
    with explained_failures():
        settings = Settings(**options)
        file = log_file(settings)
        audit = audit_log_file(settings, file)
        configure_logging(settings.log_format, settings.log_level, file=file, audit=audit)
        serving = build_server(settings, settings.log_file)
    serving.run()
    exit_despite_hung_threads()

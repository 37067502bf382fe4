"""The command line: `sa-contexts serve`, `list`, `show`, `watch`, `keys` and `doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.api.parameters import parse_subnet
from app.bootstrap import STARTUP_ERRORS, build_server, explain
from app.cli import keys
from app.cli.printable import printable_json
from app.cli.table import print_table
from app.resources.sa_contexts.encoding import render_sa_context
from app.schemas.names import Cipher, Integrity, PfsGroup, TrafficType, Weakness
from app.server import uvicorn_server as server
from app.service import open_engine, open_library
from app.settings.file import VARIABLE
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging, log_file
from app.windows_service import commands as service_commands
from bindings.engine import Engine
from bindings.errors import NotFound
from bindings.interfaces import interface_aliases
from bindings.template import SubnetTemplate


app = typer.Typer(
    help="Show the IPsec security associations of a Windows host, over HTTP and on the terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(service_commands.app, name="service")

EngineOption = Annotated[
    Literal["auto", "windows", "simulator"] | None,
    typer.Option("--engine", help="Source of SA contexts; auto: Windows' own if available."),
]
ContextsOption = Annotated[
    int | None, typer.Option("--simulated-contexts", help="Number of contexts to simulate.")
]


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"sa-contexts {version('sa-contexts')}")
        raise typer.Exit


app.add_typer(keys.app, name="keys")


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Show the version and exit."
        ),
    ] = False,
    settings: Annotated[
        Path | None, typer.Option(help="Settings file (TOML).", dir_okay=False)
    ] = None,
) -> None:
    """Apply the options that precede a command."""
    if settings is not None:
        os.environ[VARIABLE] = str(settings)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: any free port.")] = None,
    tls_certificate_file: Annotated[
        Path | None, typer.Option(help="Serve over TLS with this certificate (PEM).")
    ] = None,
    tls_key_file: Annotated[
        Path | None, typer.Option(help="Its private key; by default in the certificate's file.")
    ] = None,
    tls_client_ca_file: Annotated[
        Path | None, typer.Option(help="Require client certificates issued by these CAs (PEM).")
    ] = None,
    allow_insecure: Annotated[
        bool | None,
        typer.Option("--allow-insecure", help="Allow any address without authentication and TLS."),
    ] = None,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
    simulated_churn: Annotated[
        float | None, typer.Option(help="Simulated changes per second.")
    ] = None,
) -> None:
    """Serve the SA contexts over HTTP."""
    with _explained_failures():
        settings = _settings(
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
        configure_logging(settings.log_format, settings.log_level, file=log_file(settings))
        serving = build_server(settings)
    serving.run()
    server.exit_despite_hung_threads()


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the API does.")] = False,
    local_subnet: Annotated[
        str | None, typer.Option(help="Only contexts with a local address on this subnet.")
    ] = None,
    remote_subnet: Annotated[
        str | None, typer.Option(help="Only contexts with a remote address on this subnet.")
    ] = None,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """List the SA contexts of this host, straight from the engine."""
    template = SubnetTemplate(
        _subnet(local_subnet, "--local-subnet"), _subnet(remote_subnet, "--remote-subnet")
    )
    with _opened(engine, simulated_contexts) as opened:
        contexts = sorted(
            (context for page in opened.pages(template) for context in page),
            key=lambda context: context.sa_context_id,
        )
    alias = interface_aliases()
    items = [render_sa_context(context, alias) for context in contexts]
    if as_json or not sys.stdout.isatty():
        _print_json({"items": items})
    else:
        print_table(items)


@app.command()
def show(
    sa_context_id: Annotated[int, typer.Argument(min=0, max=(1 << 64) - 1, metavar="ID")],
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """Show one SA context, straight from the engine, as JSON."""
    with _opened(engine, simulated_contexts) as opened:
        try:
            context = opened.get(sa_context_id)
        except NotFound:
            _fail(f"there is no SA context {sa_context_id}")
    _print_json(render_sa_context(context, interface_aliases()))


@app.command()
def watch(
    url: Annotated[str, typer.Option(help="URL of the server.")] = "http://127.0.0.1:8080",
    ca: Annotated[
        Path | None,
        typer.Option(help="CAs to trust (PEM), instead of the system's."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Client certificate with its key, in one file (PEM).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as JSON.")] = False,
    local_subnet: Annotated[
        list[str] | None, typer.Option(help="Only contexts with a local address on this subnet.")
    ] = None,
    remote_subnet: Annotated[
        list[str] | None, typer.Option(help="Only contexts with a remote address on this subnet.")
    ] = None,
    traffic_type: Annotated[
        list[TrafficType] | None, typer.Option(help="Only contexts of this mode.")
    ] = None,
    cipher: Annotated[
        list[Cipher] | None, typer.Option(help="Only contexts with this cipher.")
    ] = None,
    integrity: Annotated[
        list[Integrity] | None, typer.Option(help="Only contexts with this integrity algorithm.")
    ] = None,
    pfs_group: Annotated[
        list[PfsGroup] | None, typer.Option(help="Only contexts with this PFS group.")
    ] = None,
    weakness: Annotated[
        list[Weakness] | None, typer.Option(help="Only contexts with this weakness.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the key or token to send.", dir_okay=False)
    ] = None,
    allow_insecure: Annotated[
        bool, typer.Option("--allow-insecure", help="Send it even over plain HTTP to another host.")
    ] = False,
) -> None:
    """Watch the SA contexts of a running server until Ctrl+C.

    Prints a live table on a terminal, and otherwise a line for each event. A repeated filter
    matches any of its values. The key or token comes from the environment variable
    SA_CONTEXTS_TOKEN or from --token-file.
    """
    from app.cli.watch import command as watching  # noqa: PLC0415  # serving needs no client

    subnets = {"--local-subnet": local_subnet, "--remote-subnet": remote_subnet}
    local, remote = (
        [str(_subnet(text, option)) for text in texts or []] for option, texts in subnets.items()
    )
    filters: dict[str, Sequence[str]] = {
        "localSubnet": local,
        "remoteSubnet": remote,
        "trafficType": traffic_type or [],
        "cipher": cipher or [],
        "integrity": integrity or [],
        "pfsGroup": pfs_group or [],
        "weakness": weakness or [],
    }
    is_secured = url.lower().startswith("https:")
    if (ca or certificate) and not is_secured:
        _fail("--ca and --certificate require an https URL")
    try:
        trust = watching.trusted(ca, certificate) if is_secured else None
        token = watching.read_token(token_file)
        if token is not None and not allow_insecure:
            watching.require_secrecy(url)
        watching.run(url, filters, token, trust, as_json=as_json)
    except watching.RequestRejected as error:
        _fail(str(error))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    mask: Annotated[
        bool,
        typer.Option("--mask", help="Mask addresses and names, to share the report."),
    ] = False,
    listen: Annotated[
        float,
        typer.Option(min=0, max=3600, help="Seconds to listen for the engine's notifications."),
    ] = 0,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Also use a destroyed handle, in a separate process."),
    ] = False,
    engine: EngineOption = None,
    host: Annotated[str | None, typer.Option(help="Address that the server listens on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that the server listens on.")] = None,
) -> None:
    """Check whether this host can serve its SA contexts, and explain what is missing.

    Changes nothing. Exits with 0 if there are no problems, 1 on failures and 3 if there are only
    warnings.
    """
    from app.cli.doctor import print_findings  # noqa: PLC0415
    from app.doctor.context import DoctorContext  # noqa: PLC0415
    from app.doctor.run import DoctorRun  # noqa: PLC0415  # serving needs no doctor

    configure_logging("text", "critical")  # problems are in the report
    options = {"host": host, "port": port, "engine": engine}
    context = DoctorContext(
        {name: value for name, value in options.items() if value is not None},
        listen_seconds=listen,
        may_probe=probe,
    )
    run = DoctorRun(context)
    report = run.report(is_masked=mask)
    document = report.model_dump(mode="json", by_alias=True)
    if as_json:
        _print_json(document)
    else:
        print_findings(document)
    code = {"failure": 1, "warning": 3}.get(report.outcome, 0)
    if run.hangs:
        server.exit_now(code)
    raise typer.Exit(code)


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def _opened(engine: str | None, simulated_contexts: int | None) -> Iterator[Engine]:
    with _explained_failures():
        settings = _settings(
            engine=engine, simulated_contexts=simulated_contexts, simulated_churn=0
        )
        configure_logging(settings.log_format, settings.log_level)
        with open_engine(open_library(settings), settings) as opened:
            yield opened


@contextmanager
def _explained_failures() -> Iterator[None]:
    """Exit with one sentence if the settings, the library or the engine fail."""
    try:
        yield
    except STARTUP_ERRORS as error:
        _fail(explain(error))


def _settings(**options: Any) -> Settings:
    return Settings(**{name: value for name, value in options.items() if value is not None})


def _subnet(text: str | None, option: str) -> Any:
    if text is None:
        return None
    try:
        return parse_subnet(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _fail(sentence: str) -> Any:
    typer.echo(f"sa-contexts: {sentence}", err=True)
    raise typer.Exit(1)


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(printable_json(value, is_indented=True).encode())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

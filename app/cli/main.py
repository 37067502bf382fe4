"""The command line of `sa-contexts`, with all its commands."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from app.cli import hub, keys, service
from app.cli.capture import capture
from app.cli.certificates import certificates
from app.cli.doctor import doctor
from app.cli.ended import ended
from app.cli.explain import explain
from app.cli.failures import explained_output_failure
from app.cli.group import Group
from app.cli.history import history
from app.cli.list import list_contexts
from app.cli.peers import peer, peers
from app.cli.retry import retry
from app.cli.serve import serve
from app.cli.show import show
from app.cli.tunnels import tunnels
from app.cli.watch.command import watch
from app.settings.file import VARIABLE


app = typer.Typer(
    help="Show the IPsec security associations of a Windows host, over HTTP and on the terminal.",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command("list")(list_contexts)
app.command()(show)
app.command()(peers)
app.command()(peer)
app.command()(tunnels)
app.command()(watch)
app.command()(ended)
app.command()(history)
app.command()(certificates)
app.command(context_settings={"ignore_unknown_options": True})(explain)  # for negative codes
app.command()(doctor)
app.command()(capture)
app.command()(retry)
app.add_typer(service.app, name="service")
app.add_typer(keys.app, name="keys")
app.add_typer(hub.app, name="hub")


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"sa-contexts {version('sa-contexts')}")
        raise typer.Exit


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


def main() -> None:
    """Run the command line."""
    with explained_output_failure():
        app()

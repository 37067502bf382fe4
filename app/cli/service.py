"""`sa-contexts service`: installs, controls and removes the Windows service, and prepares WFP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated, Final

import typer

from app.cli.connection_monitoring import enable_connection_monitoring
from app.cli.failures import fail
from app.cli.group import Group
from app.server.uvicorn_server import exit_despite_hung_threads
from app.settings.paths import state_folder
from app.windows_service.spec import ACCOUNT, program


NOT_RUNNING: Final = 3
NOT_INSTALLED: Final = 4
"""Exit codes of `status`, similar to those in the Linux Standard Base."""

app = typer.Typer(cls=Group, help="Run the server as a Windows service.", no_args_is_help=True)


def _require_windows() -> None:
    if sys.platform != "win32":
        fail("there are no Windows services on this system")


@contextmanager
def _control(consequence: str = "") -> Iterator[ModuleType]:
    """Yield `app.windows_service.scm`; exit with the error and `consequence` if the block fails."""
    _require_windows()
    from app.windows_service import scm  # noqa: PLC0415  # Windows only

    try:
        yield scm
    except scm.ServiceError as error:
        fail(f"{error}{consequence}")


@app.command()
def install(
    account: Annotated[
        str,
        typer.Option(
            help="Account to run as, such as a group managed service account; by default the "
            "service's own."
        ),
    ] = ACCOUNT,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Install even if the program is in a user's folder.")
    ] = False,
) -> None:
    """Create or update the service. Requires administrator rights."""
    _require_windows()
    for path in (Path(program()[0]), Path(program()[-1])):  # the interpreter, and this package
        if not anywhere and _is_in_user_folder(path.resolve()):
            fail(
                f"{path} is in a user's folder, and this user could change what the service runs; "
                "install the program and Python for all users, for example in C:\\Program Files, "
                "or pass --anywhere"
            )
    with _control("; what the command had created was removed") as control:
        control.install(state_folder(), account, typer.echo)


@app.command()
def start() -> None:
    """Start the service."""
    with _control() as control:
        control.start(typer.echo)


@app.command()
def stop() -> None:
    """Stop the service: end streams, and let running requests finish."""
    with _control() as control:
        control.stop()


@app.command()
def status() -> None:
    """Show the service's status. Exits with 0 if running, 3 if not running, 4 if not installed."""
    with _control() as control:
        try:
            found = control.status()
        except control.NotInstalled as error:
            typer.echo(f"{error}")
            raise typer.Exit(NOT_INSTALLED) from None
    for name in found.__slots__:
        typer.echo(f"{name.replace('_', ' ')}: {getattr(found, name)}")
    if found.state != "running":
        raise typer.Exit(NOT_RUNNING)


@app.command()
def remove(
    purge: Annotated[
        bool, typer.Option("--purge", help="Also delete its settings, keys and logs.")
    ] = False,
) -> None:
    """Stop and delete the service, but keep its settings, keys and logs."""
    with _control() as control:
        control.remove(state_folder() if purge else None, typer.echo)


app.command()(enable_connection_monitoring)


@app.command(hidden=True)
def run() -> None:
    """Run as the service; for the service control manager only."""
    _require_windows()
    from app.windows_service import host  # noqa: PLC0415  # Windows only

    try:
        host.run()
    except host.NotStartedAsService as error:
        fail(str(error))
    exit_despite_hung_threads()


def _is_in_user_folder(path: Path) -> bool:
    return Path.home().resolve().parent in path.parents

"""`sa-contexts service`: install, control and remove the Windows service."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.server import uvicorn_server as server
from app.settings.paths import state_folder
from app.windows_service.spec import ACCOUNT, ServiceSpec, command_line, program


NOT_RUNNING: Final = 3
NOT_INSTALLED: Final = 4
"""Exit codes of `status`, as in the Linux Standard Base."""

app = typer.Typer(help="Run the server as a Windows service.", no_args_is_help=True)


@app.callback()
def _on_windows_only() -> None:
    """Exit with an error if not running on Windows."""
    if sys.platform != "win32":
        _fail("there are no Windows services on this system")


@app.command()
def install(
    account: Annotated[
        str, typer.Option(help="Account to run as: the service's own, or a managed one.")
    ] = ACCOUNT,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Allow a program in a user's folder.")
    ] = False,
) -> None:
    """Create or update the service. Requires an administrator."""
    from app.windows_service import scm as control  # noqa: PLC0415  # Windows only

    for path in (Path(program()[0]), Path(program()[-1])):  # the interpreter, and this package
        if not anywhere and _is_in_user_folder(path.resolve()):
            _fail(
                f"{path} belongs to a user, who could change what the service runs; install the "
                "program and Python for all users, as in C:\\Program Files, or pass --anywhere"
            )
    folder = state_folder()
    try:
        control.install(ServiceSpec(command_line(folder), folder, account), typer.echo)
    except control.ServiceError as error:
        _fail(f"{error}; all previous steps were undone")


@app.command()
def start() -> None:
    """Start the service."""
    from app.windows_service import scm as control  # noqa: PLC0415  # Windows only

    _do(partial(control.start, typer.echo), control.ServiceError)


@app.command()
def stop() -> None:
    """Stop the service: end streams, and let running requests finish."""
    from app.windows_service import scm as control  # noqa: PLC0415  # Windows only

    _do(control.stop, control.ServiceError)


@app.command()
def status() -> None:
    """Show the service's status. Exits with 0 if it is running, 3 if not, 4 if not installed."""
    from app.windows_service import scm as control  # noqa: PLC0415  # Windows only

    try:
        found = control.status()
    except control.NotInstalled as error:
        typer.echo(f"{error}")
        raise typer.Exit(NOT_INSTALLED) from None
    except control.ServiceError as error:
        _fail(str(error))
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
    from app.windows_service import scm as control  # noqa: PLC0415  # Windows only

    try:
        control.remove(state_folder() if purge else None, typer.echo)
    except control.ServiceError as error:
        _fail(str(error))


@app.command(hidden=True)
def run() -> None:
    """Run as the service; for the service control manager only."""
    from app.windows_service import host  # noqa: PLC0415  # Windows only

    try:
        host.run()
    except host.NotStartedAsService as error:
        _fail(str(error))
    server.exit_despite_hung_threads()


def _is_in_user_folder(path: Path) -> bool:
    return Path.home().resolve().parent in path.parents


def _do(step: Any, failure: type[Exception]) -> None:
    try:
        step()
    except failure as error:
        _fail(str(error))


def _fail(sentence: str) -> Any:
    typer.echo(f"sa-contexts: {sentence}", err=True)
    raise typer.Exit(1)

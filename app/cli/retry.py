"""`sa-contexts retry`: let a server retry at once the reads that crashed it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.failures import explained_failures, fail
from app.cli.options import given
from app.settings.model import Settings
from app.telemetry.call_notes import existing_call_notes_file
from bindings.call_notes import forget_deaths, map_file


def retry(
    host: Annotated[str | None, typer.Option(help="Address that the server listens on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that the server listens on.")] = None,
) -> None:
    """Let the server retry at once the reads that crashed it.

    A running server does so at its next refresh. If the cause persists, it crashes again.
    """
    with explained_failures():
        file = existing_call_notes_file(Settings(**given(host=host, port=port)))
    if file is None:
        fail("no server with these settings has noted its reads of the engine on this host")
    try:
        with map_file(file) as mapped:
            resources = forget_deaths(mapped)
    except OSError as error:
        fail(f"cannot change {file}: {error.strerror}")
    typer.echo(f"Readable again: {', '.join(resources)}." if resources else "All were readable.")

"""`sa-contexts watch`: shows the SA contexts of a running server and their changes."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.failures import explained_failures
from app.cli.filters import filter_options, parameters_of
from app.cli.options import borrowing, given
from app.cli.servers import Access, access, url_of_environment
from app.repository.query.filters import Selection
from app.resources.sa_contexts.parameters import EventQuery
from app.settings.model import Settings


def default_url() -> str:
    """Return the URL in SA_CONTEXTS_URL or, if it is not set, that of a server on this host."""
    with explained_failures():
        return url_of_environment() or f"http://127.0.0.1:{Settings(**given()).port}"


RunningServerOption = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        help="URL of the server; by default that of SA_CONTEXTS_URL, or a server on this host.",
        default_factory=default_url,
        show_default=False,
    ),
]


@borrowing(selection=filter_options(EventQuery), server_access=access)
def watch(
    *,
    url: RunningServerOption,
    server_access: Access,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as JSON.")] = False,
    selection: Selection,
) -> None:
    """Watch the SA contexts of a running server until Ctrl+C.

    Shows a live table on a terminal, and otherwise prints a line for each event. A context is
    shown if one of its SAs meets all filters. A repeated filter matches any of its values. The key
    or token comes from the environment variable SA_CONTEXTS_TOKEN or from --token-file.
    """
    from app.cli import client  # noqa: PLC0415  # not loaded for `serve`
    from app.cli.watch import run  # noqa: PLC0415

    with explained_failures(client.RequestRejected):
        run.run(client.server_at(url, server_access), parameters_of(selection), as_json=as_json)

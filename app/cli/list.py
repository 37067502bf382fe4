"""`sa-contexts list`: prints SA contexts as a table or as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.columns import table_lines
from app.cli.filters import filter_options
from app.cli.options import ContextsOption, EngineOption, borrowing
from app.cli.printable import print_json_items, print_lines, terminal_width
from app.cli.rows import COLUMNS, row_of
from app.cli.servers import Access, UrlOption, access
from app.cli.sources import opened_source
from app.repository.query.filters import Selection
from app.resources.sa_contexts.parameters import SaContextQuery


@borrowing(selection=filter_options(SaContextQuery), server_access=access)
def list_contexts(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the items of the API.")
    ] = False,
    selection: Selection,
    url: UrlOption = None,
    server_access: Access,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """List the SA contexts of this host, or of a server.

    A context is listed if one of its SAs meets all filters. A repeated filter matches any of its
    values. The key or token for the server comes from the environment variable SA_CONTEXTS_TOKEN
    or from --token-file.
    """
    with opened_source(url, server_access, engine, simulated_contexts) as source:
        if as_json:
            print_json_items(source.contexts(selection))
            return
        rows = [row_of(item) for item in source.summaries(selection)]
        print_lines(
            [
                *table_lines(COLUMNS, rows, terminal_width()),
                f"{len(rows)} SA context{'' if len(rows) == 1 else 's'}",
            ]
        )
